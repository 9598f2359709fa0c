//! Label selectors: equality, sets, existence and integer comparison.

use std::collections::BTreeSet;

/// What one requirement asks of the value at its key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Operator {
    Exists,
    Absent,
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    Greater(i64),
    Less(i64),
}

/// All the requirements of a selector; none of them selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::memory) struct LabelSelector(Vec<(String, Operator)>);

impl LabelSelector {
    /// Parses `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`.
    pub(in crate::memory) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text), next: 0 };
        let mut requirements = Vec::new();
        if parser.peek().is_none() {
            return Ok(Self::default());
        }
        loop {
            requirements.push(parser.requirement()?);
            match parser.take() {
                None => return Ok(Self(requirements)),
                Some(",") if parser.peek().is_none_or(|token| token == ",") => {
                    let found = parser.peek().unwrap_or_default();
                    return Err(format!("found '{found}', expected: identifier after ','"));
                }
                Some(",") => {}
                Some(other) => return Err(format!("found '{other}', expected: ',' or 'end of string'")),
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn matches(&self, labels: &[(Box<str>, Box<str>)]) -> bool {
        let value_of =
            |key: &str| labels.iter().find(|(known, _)| **known == *key).map(|(_, value)| &**value);
        self.0.iter().all(|(key, operator)| operator.accepts(value_of(key)))
    }
}

impl Operator {
    fn accepts(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
            Self::In(values) => value.is_some_and(|value| values.contains(value)),
            Self::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Self::Greater(bound) => number().is_some_and(|number| number > *bound),
            Self::Less(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

fn is_symbol(c: char) -> bool {
    matches!(c, '(' | ')' | ',' | '!' | '=' | '<' | '>')
}

/// Splits into operators, punctuation and words.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("==") || rest.starts_with("!=") {
            2
        } else if is_symbol(first) {
            1
        } else {
            rest.find(|c: char| is_symbol(c) || c.is_whitespace()).unwrap_or(rest.len())
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

fn unexpected(found: Option<&str>, expected: &str) -> String {
    let found = found.unwrap_or_default();
    format!("unable to parse requirement: found '{found}', expected: {expected}")
}

const NOT_AN_INTEGER: &str = "for 'Gt', 'Lt' operators, the value must be an integer";

struct Parser<'a> {
    tokens: Vec<&'a str>,
    next: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.next).copied()
    }

    fn take(&mut self) -> Option<&'a str> {
        let token = self.peek()?;
        self.next += 1;
        Some(token)
    }

    fn word(&mut self) -> Option<&'a str> {
        let word = self.peek().filter(|token| !token.starts_with(is_symbol))?;
        self.next += 1;
        Some(word)
    }

    fn requirement(&mut self) -> Result<(String, Operator), String> {
        if self.peek() == Some("!") {
            self.next += 1;
            let key = self.word().ok_or_else(|| unexpected(self.peek(), "identifier"))?;
            return Ok((key.to_owned(), Operator::Absent));
        }
        let key = self.word().ok_or_else(|| unexpected(self.peek(), "!, identifier, or 'end of string'"))?;
        Ok((key.to_owned(), self.operator()?))
    }

    fn operator(&mut self) -> Result<Operator, String> {
        let Some(operator) = self.peek().filter(|token| *token != ",") else { return Ok(Operator::Exists) };
        self.next += 1;
        match operator {
            "=" | "==" => Ok(Operator::In(self.value())),
            "!=" => Ok(Operator::NotIn(self.value())),
            "in" => Ok(Operator::In(self.values()?)),
            "notin" => Ok(Operator::NotIn(self.values()?)),
            ">" => Ok(Operator::Greater(self.number()?)),
            "<" => Ok(Operator::Less(self.number()?)),
            other => Err(unexpected(Some(other), "in, notin, =, ==, !=, gt, lt")),
        }
    }

    /// The value after an equality operator, which may be empty.
    fn value(&mut self) -> BTreeSet<String> {
        BTreeSet::from([self.word().unwrap_or_default().to_owned()])
    }

    fn number(&mut self) -> Result<i64, String> {
        let word = self.word().unwrap_or_default();
        word.parse().map_err(|_error| {
            format!("unable to parse requirement: values[0]: Invalid value: \"{word}\": {NOT_AN_INTEGER}")
        })
    }

    fn values(&mut self) -> Result<BTreeSet<String>, String> {
        if self.take() != Some("(") {
            return Err(unexpected(self.tokens.get(self.next.saturating_sub(1)).copied(), "'('"));
        }
        let mut values = BTreeSet::new();
        loop {
            values.insert(self.word().unwrap_or_default().to_owned());
            match self.take() {
                Some(")") => return Ok(values),
                Some(",") => {}
                other => return Err(unexpected(other, "',' or ')'")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn selects(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels: Vec<(Box<str>, Box<str>)> =
            labels.iter().map(|&(key, value)| (key.into(), value.into())).collect();
        LabelSelector::parse(selector).unwrap().matches(&labels)
    }

    #[test]
    fn requirements_match_as_documented() {
        let labels = &[("app", "web"), ("tier", ""), ("weight", "7")];
        let cases = [
            ("", true),
            ("app", true),
            ("!app", false),
            ("app=web", true),
            ("app == web , tier=", true),
            ("app!=web", false),
            ("absent!=web", true),
            ("app in (api, web)", true),
            ("app notin (api,web)", false),
            ("absent notin (x)", true),
            ("tier in (,x)", true),
            ("app in ()", false),
            ("app notin ()", true),
            ("weight>6,weight<8", true),
            ("weight>7", false),
            ("app.kubernetes.io/name", false),
        ];
        for (selector, expected) in cases {
            assert_eq!(selects(selector, labels), expected, "{selector}");
        }
    }

    #[test]
    fn malformed_selectors_are_refused() {
        for selector in ["=", "a in", "a in (b", "a b", ",", "a,", "!", "a>x", "a=b c", "(a)"] {
            assert!(LabelSelector::parse(selector).is_err(), "{selector}");
        }
    }

    proptest! {
        #[test]
        fn no_selector_panics(text in any::<String>(), noise in "[a-z(),!=<> ]*") {
            for selector in [text, noise] {
                if let Ok(parsed) = LabelSelector::parse(&selector) {
                    parsed.matches(&[("a".into(), "b".into())]);
                }
            }
        }
    }
}
