//! Whether one entry permits everything that another one permits. Says yes only where that is certain, whatever is
//! found.

use super::{Exclusion, Pattern, Subject, image_is_under};
use crate::model::reference::ObjectRef;

impl Exclusion {
    /// True if every finding that the other covers is covered by this one too, dates aside.
    pub fn covers(&self, other: &Self) -> bool {
        self.rule == other.rule
            && self.up_to >= other.up_to
            && self.subject.covers(&other.subject)
            && within(self.container.as_ref(), other.container.as_ref(), Pattern::covers)
            && within(self.image.as_ref(), other.image.as_ref(), |prefix, image| {
                image_is_under(prefix, image)
            })
            && within(self.value.as_ref(), other.value.as_ref(), |value, same| value == same)
            && within(self.provenance.as_ref(), other.provenance.as_ref(), |one, same| one == same)
    }

    /// True if both permit the same, whoever answers for it and until when.
    pub fn means_the_same_as(&self, other: &Self) -> bool {
        self.covers(other) && other.covers(self)
    }
}

/// What is not said is not asked for; what is said must hold for whatever the narrower one lets through.
fn within<T>(wide: Option<&T>, narrow: Option<&T>, covers: impl Fn(&T, &T) -> bool) -> bool {
    wide.is_none_or(|wide| narrow.is_some_and(|narrow| covers(wide, narrow)))
}

impl Subject {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Owner(one), Self::Owner(other)) => one == other,
            (Self::Owner(one), Self::Matching { .. }) => other.only_object().is_some_and(|only| only == *one),
            (Self::Matching { .. }, Self::Owner(owner)) => self.matches(owner),
            (
                Self::Matching { kind, namespace, name },
                Self::Matching { kind: their_kind, namespace: their_namespace, name: their_name },
            ) => {
                within(kind.as_ref(), their_kind.as_ref(), kind_covers)
                    && within(namespace.as_ref(), their_namespace.as_ref(), Pattern::covers)
                    && within(name.as_ref(), their_name.as_ref(), Pattern::covers)
            }
            (Self::Owner(_) | Self::Matching { .. }, Self::Any) => false,
        }
    }

    /// The object, if the names are those of one with a namespace and a group.
    fn only_object(&self) -> Option<ObjectRef> {
        let Self::Matching { kind, namespace, name } = self else { return None };
        let (group, kind) = kind.as_ref()?.literal()?.rsplit_once('/')?;
        Some(ObjectRef {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.as_ref()?.literal()?.to_owned(),
            name: name.as_ref()?.literal()?.to_owned(),
        })
    }
}

/// A kind without its group is compared with the last part alone.
fn kind_covers(wide: &Pattern, narrow: &Pattern) -> bool {
    match (wide.as_str().contains('/'), narrow.as_str().rsplit_once('/')) {
        (false, None) | (true, Some(_)) => wide.covers(narrow),
        (false, Some((_group, kind))) => narrow.literal().is_some() && wide.matches(kind),
        (true, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exclusion::tests::{any_subject, deployment, exclusion, finding};
    use crate::finding::Provenance;

    fn any_entry() -> impl Strategy<Value = Exclusion> {
        let image = prop::sample::select(vec!["r/a", "r/a/", "r/a/b", "r/a:1", "r/ab"]);
        let kind = prop::sample::select(vec!["Deployment", "apps/Deployment", "apps/D*", "D*", "Job"]);
        (
            any_subject(),
            prop::option::of(kind),
            prop::option::of("a[ab*]{0,2}"),
            prop::option::of(image),
            prop::option::of("[xy]"),
            prop::option::of(prop::sample::select(Provenance::ALL.to_vec())),
        )
            .prop_map(|(subject, of_kind, container, image, value, provenance)| {
                let mut entry = exclusion("r", subject, 1);
                if let (Subject::Matching { kind, .. }, Some(text)) = (&mut entry.subject, of_kind) {
                    *kind = Some(Pattern::new(text).unwrap());
                }
                entry.container = container.map(|text| Pattern::new(&text).unwrap());
                entry.image = image.map(String::from);
                entry.value = value;
                entry.provenance = provenance;
                entry
            })
    }

    proptest! {
        #[test]
        fn what_the_narrower_entry_covers_the_wider_one_does(
            wide in any_entry(), narrow in any_entry(),
            namespace in "[ab]{1,3}", name in "[ab]{1,3}", container in "a[ab]{0,2}",
            image in prop::sample::select(vec!["r/a", "r/a/b", "r/a/b:1", "r/a:1", "r/ab", "r/a/"]), value in "[xy]",
            provenance in prop::collection::btree_set(prop::sample::select(Provenance::ALL.to_vec()), 0..3),
        ) {
            let mut found = finding("r", &deployment(&namespace, &name), Some(&container), &value);
            found.images = [image.to_owned()].into();
            found.provenance = provenance;
            prop_assert!(!wide.covers(&narrow) || !narrow.matches(&found) || wide.matches(&found));
            prop_assert!(narrow.covers(&narrow), "everything covers itself");
        }
    }

    #[track_caller]
    fn check(wide: &str, narrow: &str, expected: bool) {
        let [wide_pattern, narrow_pattern] = [wide, narrow].map(|text| Pattern::new(text).unwrap());
        assert_eq!(wide_pattern.covers(&narrow_pattern), expected, "{wide} covers {narrow}");
    }

    #[test]
    fn a_pattern_covers_what_is_longer_on_its_open_side() {
        check("web-*", "web-1", true);
        check("web-*", "web-a-*", true);
        check("web-*", "web-?", true);
        check("web-a-*", "web-*", false);
        check("*-web", "*-my-web", true);
        check("*-web", "my-w*-web", true);
        check("w?b", "w?b", true);
        check("w?b", "web", true);
        check("web", "w*b", false);
    }

    #[test]
    fn names_of_one_object_are_that_object() {
        let names = Subject::Matching {
            kind: Some(Pattern::new("apps/Deployment").unwrap()),
            namespace: Some(Pattern::new("shop").unwrap()),
            name: Some(Pattern::new("web").unwrap()),
        };
        let (by_names, by_owner) =
            (exclusion("r", names, 1), exclusion("r", Subject::Owner(deployment("shop", "web")), 2));
        assert!(by_names.means_the_same_as(&by_owner));
        let other = exclusion("r", Subject::Owner(deployment("shop", "api")), 3);
        assert!(!by_names.covers(&other) && !other.covers(&by_names));
    }
}
