//! What a Slack-compatible incoming webhook receives.
//!
//! One message with one attachment, because blocks are Slack's alone. Format:
//! <https://docs.slack.dev/reference/messaging/payload/>.

use serde_json::{Value, json};

use crate::exit::Exit;
use crate::report::summary::{LeftOut, Summary, Worst};
use crate::report::wire::Unsettled;
use crate::report::{cut, words};

/// Most bytes of the attachment's text, far below what chat servers cut at.
const TEXT_BYTES: usize = 6000;

pub(super) fn payload(summary: &Summary) -> Value {
    let reasons: Vec<String> = summary.reasons.iter().map(|reason| escaped(reason.as_str())).collect();
    let title = escaped(summary.title.as_str());
    let mut fields = Vec::new();
    if let Some(rollback) = &summary.rollback {
        fields.push(field("Rollback", &words::rollback(rollback)));
    }
    fields.push(field("Run", summary.run.id.as_str()));
    let mut attachment = json!({
        "color": colour(summary),
        "fallback": title,
        "text": details(summary),
        "fields": fields,
        "mrkdwn_in": ["text"],
    });
    if let Some(link) = &summary.link {
        attachment["title"] = json!("Details");
        attachment["title_link"] = json!(link);
    }
    json!({ "text": format!("*{title}*\n{}", reasons.join("\n")), "attachments": [attachment] })
}

fn field(title: &str, value: &str) -> Value {
    json!({ "title": title, "value": escaped(value), "short": false })
}

fn colour(summary: &Summary) -> &'static str {
    match summary.exit_code {
        code if code == Exit::Pass.code() => "good",
        code if code == Exit::Critical.code() || code == Exit::Blocked.code() => "danger",
        _ => "warning",
    }
}

/// One line each: findings, then what has not settled, then what was not seen.
fn details(summary: &Summary) -> String {
    let LeftOut { findings, unsettled, gaps, resources: _ } = summary.left_out;
    let mut lines: Vec<String> = summary.findings.iter().map(finding).collect();
    lines.extend(more(findings, "more findings"));
    lines.extend(
        summary.unsettled.iter().map(|Unsettled { object, why }| {
            format!("• not settled: {}", escaped(&format!("{object}: {why}")))
        }),
    );
    lines.extend(more(unsettled, "more not settled"));
    lines.extend(summary.gaps.iter().map(|gap| format!("• not seen: {}", escaped(gap.as_str()))));
    lines.extend(more(gaps, "more not seen"));
    cut(&lines.join("\n"), TEXT_BYTES).into_owned()
}

fn finding(finding: &Worst) -> String {
    let Worst { severity, rule, subject, message, .. } = finding;
    let text = escaped(&format!("{subject}: {message}"));
    format!("• {severity} `{rule}` {text}")
}

fn more(count: usize, what: &str) -> Option<String> {
    (count > 0).then(|| format!("… and {count} {what}"))
}

/// Text that cannot mention people, whoever wrote it. Slack's own escapes, and a break in the words that other chat
/// servers take for everybody.
fn escaped(text: &str) -> String {
    let mut text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    for word in ["channel", "all", "here", "everyone"] {
        text = text.replace(&format!("@{word}"), &format!("@\u{200b}{word}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_mentioned() {
        assert_eq!(escaped("<!channel> & <@U1>"), "&lt;!channel&gt; &amp; &lt;@U1&gt;");
        assert_eq!(escaped("ping @all"), "ping @\u{200b}all");
    }
}
