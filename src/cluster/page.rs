//! One page of a list: its items decoded one by one from the page's own text, so that a bad one hides only itself.

use std::ops::Range;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::cluster::cursor::{Broken, Cursor};
use crate::model::lenient::null_as_default;

/// A decoded page.
#[derive(Debug)]
pub(super) struct Page<T> {
    /// The page's text, for the items' own.
    pub(super) text: String,
    /// Items in the server's order.
    pub(super) items: Vec<Entry<T>>,
    /// Where the next page starts; empty on the last one.
    pub(super) next: String,
    /// Version of the cluster that the list shows; a watch goes on from there.
    pub(super) version: String,
}

/// One item of a page.
#[derive(Debug)]
pub(super) struct Entry<T> {
    /// Where it stands in the page's text.
    pub(super) place: Range<usize>,
    /// The item, or why it cannot be decoded.
    pub(super) value: Result<T, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListMeta {
    #[serde(rename = "continue", deserialize_with = "null_as_default")]
    next: String,
    #[serde(rename = "resourceVersion", deserialize_with = "null_as_default")]
    version: String,
}

impl<T: DeserializeOwned> Page<T> {
    /// Decodes a page.
    ///
    /// # Errors
    /// The text is not one whole list.
    pub(super) fn decode(text: String) -> Result<Self, Broken> {
        let mut cursor = Cursor::new(&text);
        let (mut items, mut meta) = (None, ListMeta::default());
        cursor.object(|cursor, key| {
            match key {
                "metadata" => meta = cursor.value::<Option<ListMeta>>()?.unwrap_or_default(),
                "items" => items = Some(entries(cursor)?),
                _ => cursor.value::<IgnoredAny>().map(drop)?,
            }
            Ok(())
        })?;
        cursor.end()?;
        let items = items.ok_or(Broken::NotAList)?;
        let ListMeta { next, version } = meta;
        Ok(Self { text, items, next, version })
    }
}

/// `items`; `null` is how Go writes an empty list.
fn entries<T: DeserializeOwned>(cursor: &mut Cursor<'_>) -> Result<Vec<Entry<T>>, Broken> {
    let mut entries = Vec::new();
    if cursor.peek() == Some(b'n') {
        cursor.value::<()>()?;
        return Ok(entries);
    }
    cursor.array(|cursor| {
        let start = cursor.position();
        let value = match cursor.value::<T>() {
            Ok(value) => Ok(value),
            Err(error) => {
                cursor.value::<IgnoredAny>()?;
                Err(error.to_string())
            }
        };
        entries.push(Entry { place: start..cursor.position(), value });
        Ok(())
    })?;
    Ok(entries)
}
