//! The lines of a watch's answer, one JSON document each.
//!
//! Does not know what they say.

use std::fmt::Display;

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt as _;

/// Longer than any object that the API server stores.
const LONGEST: usize = 16 << 20;

/// Reads a body line by line.
pub(super) struct Lines<B> {
    body: B,
    buffer: Vec<u8>,
    /// Length of what begins the buffer and was handed over already.
    taken: usize,
    /// Length of what is known to hold no end of a line.
    searched: usize,
}

impl<B: Body<Data = Bytes, Error: Display> + Unpin> Lines<B> {
    pub(super) fn new(body: B) -> Self {
        Self { body, buffer: Vec::new(), taken: 0, searched: 0 }
    }

    /// The next line; none after the last.
    ///
    /// # Errors
    /// The connection broke, or ended within a line.
    pub(super) async fn next(&mut self) -> Result<Option<&[u8]>, String> {
        self.buffer.drain(..self.taken);
        (self.taken, self.searched) = (0, 0);
        loop {
            if let Some(found) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let end = self.searched + found;
                self.taken = end + 1;
                return Ok(Some(&self.buffer[..end]));
            }
            self.searched = self.buffer.len();
            if self.searched > LONGEST {
                return Err("a line does not end".to_owned());
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
                Some(Err(error)) => return Err(error.to_string()),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err("the answer ends within a line".to_owned()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    /// Lines of a body that comes in these parts, and how it ends.
    async fn lines(parts: &[&'static str]) -> (Vec<String>, Result<(), String>) {
        let frames: Vec<_> =
            parts.iter().map(|part| Ok::<_, std::io::Error>(Frame::data(Bytes::from(*part)))).collect();
        let mut lines = Lines::new(StreamBody::new(futures::stream::iter(frames)));
        let mut all = Vec::new();
        loop {
            match lines.next().await {
                Ok(Some(line)) => all.push(String::from_utf8(line.to_vec()).unwrap()),
                Ok(None) => return (all, Ok(())),
                Err(error) => return (all, Err(error)),
            }
        }
    }

    #[tokio::test]
    async fn lines_end_where_they_end_and_not_where_parts_do() {
        let (all, end) = lines(&["on", "e\ntwo\n\nth", "", "ree", "\n"]).await;
        assert_eq!((all, end), (["one", "two", "", "three"].map(String::from).to_vec(), Ok(())));
        assert_eq!(lines(&[]).await, (Vec::new(), Ok(())));
    }

    #[tokio::test]
    async fn an_end_within_a_line_is_an_error() {
        let (all, end) = lines(&["one\ntw"]).await;
        assert_eq!(all, ["one"]);
        assert_eq!(end, Err("the answer ends within a line".to_owned()));
    }
}
