//! Shipped = used: what the gate reads of Flux.

use std::collections::BTreeSet;

use super::gated::{Gated, Layout, gated};
use crate::gate::files::Shop;
use crate::harness::flux::SourceKind;
use crate::harness::platform::ACCOUNT;

#[test]
fn the_gate_reads_nothing_of_flux_but_by_name() {
    gated("flux-rights", async |ctx| {
        let (shop, commit) = Gated::create(ctx, Layout::Separate, SourceKind::Git, &Shop::clean("web")).await;
        shop.gate.ready_at(&commit).await;
        let uses = ctx.plane.audit.uses_by(&ctx.ns, ACCOUNT);
        let of_flux: BTreeSet<_> = uses
            .iter()
            .filter(|it| it.group.ends_with("toolkit.fluxcd.io"))
            .map(|it| (it.verb.as_str(), it.resource.as_str(), it.name.as_str(), it.allowed))
            .collect();
        let expected = ["shop", "shop-gate"].map(|name| ("get", "kustomizations", name, true));
        assert_eq!(of_flux, BTreeSet::from(expected));
    });
}
