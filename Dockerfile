# syntax=docker/dockerfile:1
# A static binary in an empty image: no shell, no package manager, a numeric user that is not root.
FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev ca-certificates
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src ./src
COPY benches ./benches
COPY tests ./tests
RUN cargo build --release --locked --bin driftgate

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/release/driftgate /driftgate
USER 65532:65532
ENTRYPOINT ["/driftgate"]
