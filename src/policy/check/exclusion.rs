//! What one entry of a list of exclusions means, and what of it is too broad.
//!
//! Does not know other entries.

use jiff::civil::Date;

use super::{find_rule, pattern};
use crate::exclusion::{Exclusion, Layer, Subject};
use crate::finding::{Provenance, Severity};
use crate::model::reference::ObjectRef;
use crate::policy::fields::Located;
use crate::policy::problem::{Problems, did_you_mean};
use crate::policy::raw::{RawExclusion, RawSubject};
use crate::rules::Rule;

/// None if anything is wrong with it; everything that is wrong has been reported.
pub(in crate::policy) fn check(
    raw: RawExclusion,
    catalogue: &[&'static Rule],
    problems: &mut Problems,
) -> Option<Exclusion> {
    let RawExclusion {
        at,
        rule,
        subject,
        container,
        image,
        value,
        provenance,
        reason,
        owner,
        ticket,
        expires,
    } = raw;
    let rule = rule.and_then(|written| find_rule(&written, catalogue, problems));
    let narrow = container.is_some() && image.is_some();
    if rule.is_some_and(|rule| rule.severity == Severity::Critical) && container.is_none() && value.is_none()
    {
        let id = rule.map_or("", |rule| rule.id);
        problems.add(at, format!("an exclusion of the critical rule {id} needs `container` or `value`"));
    }
    let subject = match subject {
        Some(written) => check_subject(written, narrow, problems),
        None if narrow => Some(Subject::Any),
        None => {
            problems.add(at, "an exclusion needs `subject`, or `container` together with `image`");
            None
        }
    };
    let container = container.map(|written| pattern("container", &written, problems));
    let image = image.map(|written| literal("image", written, problems));
    let value = value.map(|written| literal("value", written, problems));
    let provenance = provenance.map(|written| find_provenance(&written, problems));
    let expires = expires.and_then(|written| date(&written, problems));
    let reason = filled_in("reason", reason, problems);
    let owner = filled_in("owner", owner, problems);
    Some(Exclusion {
        rule: rule?.id,
        subject: subject?,
        container: transpose(container)?,
        image: transpose(image)?,
        value: transpose(value)?,
        provenance: transpose(provenance)?,
        reason: reason?,
        owner: owner?,
        ticket: ticket.map(|written| written.value.trim().to_owned()),
        expires: expires?,
        at: problems.position(at),
        layer: Layer::Platform,
        up_to: Severity::Critical,
        injector: None,
    })
}

fn find_provenance(written: &Located<String>, problems: &mut Problems) -> Option<Provenance> {
    let name = written.value.as_str();
    let found = Provenance::ALL.into_iter().find(|provenance| provenance.as_str() == name);
    if found.is_none() {
        let hint = did_you_mean(name, Provenance::ALL.map(Provenance::as_str));
        let message =
            format!("`provenance` must be declared, admission or runtime, and this is `{name}`{hint}");
        problems.add(written.at, message);
    }
    found
}

/// An export leaves reasons and owners to people.
fn filled_in(name: &str, written: Option<Located<String>>, problems: &mut Problems) -> Option<String> {
    let Located { at, value } = written?;
    if value.trim() == "TODO" {
        problems.add(at, format!("`{name}` still says TODO"));
        return None;
    }
    Some(value.trim().to_owned())
}

/// Present and wrong is none at all; absent is fine.
#[expect(
    clippy::option_option,
    reason = "the outer one is whether it is right, the inner one whether it is there"
)]
fn transpose<T>(written: Option<Option<T>>) -> Option<Option<T>> {
    match written {
        None => Some(None),
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
    }
}

fn check_subject(raw: RawSubject, narrow: bool, problems: &mut Problems) -> Option<Subject> {
    let RawSubject { at, kind, namespace, name, owner } = raw;
    let by_names = kind.is_some() || namespace.is_some() || name.is_some();
    if let Some(owner) = owner {
        if by_names {
            problems
                .add(at, "`subject` has `owner`, which is one object, and names beside it; keep one of them");
        }
        return one_object(&owner, problems).map(Subject::Owner);
    }
    if !by_names {
        problems.add(at, "`subject` needs `kind`, `namespace` and `name`, or some of them, or `owner`");
    } else if namespace.is_none() && name.is_none() && !narrow {
        problems.add(at, "`subject` is every object of a kind; add `namespace` or `name`");
    }
    let kind = kind.map(|written| pattern("kind", &written, problems));
    let namespace = namespace.map(|written| pattern("namespace", &written, problems));
    let name = name.map(|written| pattern("name", &written, problems));
    Some(Subject::Matching {
        kind: transpose(kind)?,
        namespace: transpose(namespace)?,
        name: transpose(name)?,
    })
}

fn one_object(written: &Located<String>, problems: &mut Problems) -> Option<ObjectRef> {
    let object = ObjectRef::parse(&written.value).filter(|_object| !written.value.contains(['*', '?']));
    if object.is_none() {
        let message = "`owner` of a subject must be one object as reports write it, for instance apps/Deployment shop/web";
        problems.add(written.at, format!("{message}, and this is `{}`", written.value));
    }
    object
}

/// Images and values are compared as they are; a star would only look as if it matched.
fn literal(name: &str, written: Located<String>, problems: &mut Problems) -> Option<String> {
    let Located { at, value } = written;
    if value == "*" || (name == "image" && value.contains(['*', '?', ' '])) {
        problems.add(at, format!("`{name}` is compared as it is written, and `{value}` is a pattern"));
        return None;
    }
    Some(value)
}

fn date(written: &Located<String>, problems: &mut Problems) -> Option<Date> {
    let text = written.value.as_str();
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let found = shaped.then(|| text.parse().ok()).flatten();
    if found.is_none() {
        problems.add(written.at, format!("`expires` must be a date YYYY-MM-DD, and this is `{text}`"));
    }
    found
}
