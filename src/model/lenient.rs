//! Decoding that accepts what the API server and people write: `null` means absent.

use serde::{Deserialize, Deserializer};

/// For `#[serde(deserialize_with = "null_as_default")]`: `null` becomes the type's default.
///
/// # Errors
/// Those of `T`'s own decoding; a wrong type is never swallowed, it becomes a gap further up.
pub fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Any value at all; only its presence matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Opaque;

impl<'de> Deserialize<'de> for Opaque {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_ignored| Self)
    }
}
