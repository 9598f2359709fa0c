//! Walks through JSON text value by value, and knows where each one stands.
//!
//! Values are decoded by serde_json; this only finds the way between those that we want apart.

use serde::Deserialize;

/// A place in a JSON text.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// The text is not what it should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("expected `{}` at byte {at}", char::from(*.byte))]
    Expected { byte: u8, at: usize },
    #[error("the text ends too early, at byte {0}")]
    Ends(usize),
    #[error("something follows the last value, at byte {0}")]
    Follows(usize),
    #[error("it is not a list")]
    NotAList,
    /// Not an error: the caller has what it wanted.
    #[error("the rest was not read")]
    Enough,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Byte offset of what comes next.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// First byte of what comes next, without white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count();
        self.at += blanks;
        rest.get(blanks).copied()
    }

    /// Decodes the next value and steps behind it; stays before it on errors.
    pub(super) fn value<T: Deserialize<'a>>(&mut self) -> Result<T, Broken> {
        self.peek();
        let mut values = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter::<T>();
        let value = values.next().ok_or(Broken::Ends(self.at))??;
        self.at += values.byte_offset();
        Ok(value)
    }

    /// Walks through an object; `member` decodes the value of each key.
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &str) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        self.take(b'{')?;
        self.members(b'}', |cursor| {
            let key = cursor.value::<std::borrow::Cow<'a, str>>()?;
            cursor.take(b':')?;
            member(cursor, &key)
        })
    }

    /// Walks through an array; `element` decodes each element.
    pub(super) fn array(
        &mut self,
        element: impl FnMut(&mut Self) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        self.take(b'[')?;
        self.members(b']', element)
    }

    /// Only white space is left.
    pub(super) fn end(&mut self) -> Result<(), Broken> {
        if self.peek().is_none() { Ok(()) } else { Err(Broken::Follows(self.at)) }
    }

    fn members(
        &mut self,
        close: u8,
        mut member: impl FnMut(&mut Self) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        if self.peek() == Some(close) {
            return self.take(close);
        }
        loop {
            self.peek();
            member(self)?;
            if self.peek() == Some(close) {
                return self.take(close);
            }
            self.take(b',')?;
        }
    }

    fn take(&mut self, byte: u8) -> Result<(), Broken> {
        match self.peek() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(Broken::Expected { byte, at: self.at }),
            None => Err(Broken::Ends(self.at)),
        }
    }
}
