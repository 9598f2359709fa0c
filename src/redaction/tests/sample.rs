//! One value of a type with every field that its decoder asks for, written down as it is asked for.

use serde::de::value::{Error, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer as _, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

/// A text that decodes as a time, too.
const TEXT: &str = "2026-11-24T10:00:00Z";
/// A name in a map that is kept, also among annotations.
const NAME: &str = "argocd.argoproj.io/tracking-id";

/// Every field of a `T`. Where a decoder takes anything, there is nothing to ask for, and the field is left out.
pub(super) fn of<T: DeserializeOwned>() -> Value {
    let mut sample = Value::Null;
    T::deserialize(Sample(&mut sample)).unwrap();
    sample
}

struct Sample<'a>(&'a mut Value);

impl Sample<'_> {
    fn put(self, value: impl Into<Value>) {
        *self.0 = value.into();
    }
}

macro_rules! scalars {
    ($($method:ident $visit:ident $value:expr),+ $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.put($value);
            visitor.$visit($value)
        })+
    };
}

impl<'de> Deserializer<'de> for Sample<'_> {
    type Error = Error;

    scalars!(
        deserialize_bool visit_bool true,
        deserialize_i32 visit_i32 1,
        deserialize_i64 visit_i64 1,
        deserialize_u16 visit_u16 1,
        deserialize_u32 visit_u32 1,
        deserialize_u64 visit_u64 1,
        deserialize_str visit_str TEXT,
        deserialize_string visit_str TEXT,
    );

    /// A decoder that takes anything says what it would like best.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let wanted = Error::invalid_type(Unexpected::Unit, &visitor).to_string();
        if wanted.contains("expected a map") { self.deserialize_map(visitor) } else { visitor.visit_unit() }
    }

    /// Something of which only the presence matters.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.put(Map::new());
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut item = Some(Value::Null);
        let decoded = visitor.visit_seq(One(item.as_mut()))?;
        self.put(Value::Array(item.into_iter().collect()));
        Ok(decoded)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_struct("", &[NAME], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut members = Map::new();
        let mut value = Value::Null;
        let decoded = visitor.visit_map(Fields {
            rest: fields.iter(),
            name: "",
            value: &mut value,
            members: &mut members,
        })?;
        self.put(Value::Object(members));
        Ok(decoded)
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
    }
}

/// A list of one item.
struct One<'a>(Option<&'a mut Value>);

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.take().map(|item| seed.deserialize(Sample(item))).transpose()
    }
}

/// Fields, one after the other.
struct Fields<'a> {
    rest: std::slice::Iter<'static, &'static str>,
    name: &'static str,
    value: &'a mut Value,
    members: &'a mut Map<String, Value>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(name) = self.rest.next() else { return Ok(None) };
        self.name = name;
        let key: StrDeserializer<'_, Error> = self.name.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        *self.value = Value::Null;
        let decoded = seed.deserialize(Sample(self.value))?;
        if !self.value.is_null() {
            self.members.insert(self.name.to_owned(), self.value.take());
        }
        Ok(decoded)
    }
}
