//! The report for people: the verdict and why in two lines, then the findings by object, worst first, with what to
//! do.
//!
//! Owns wording, order and how much is shown. Names and paths are never broken, so that they can be copied.

use std::collections::BTreeMap;

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

use crate::finding::Severity;
use crate::report::palette::{Colour, Role};
use crate::report::wire::{BySeverity, Excluded, Exclusion, Finding, Gap, Object, Override};
use crate::report::{Report, cut, words};

/// How the text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Whether there are colours.
    pub colour: Colour,
    /// Columns that lines are wrapped at.
    pub columns: usize,
    /// How much is shown.
    pub listing: Listing,
}

impl Default for Layout {
    /// For the log of a Job.
    fn default() -> Self {
        Self { colour: Colour::Never, columns: 100, listing: Listing::Screen }
    }
}

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// What fits on one screen; the rest is counted.
    Screen,
    /// Everything, also what cannot block.
    Full,
}

/// Findings shown in full on one screen.
const FINDINGS: usize = 8;
/// Entries of every other list on one screen.
const ENTRIES: usize = 5;
/// Most bytes of a message that an object or a webhook wrote.
const MESSAGE_BYTES: usize = 600;

/// The report as text with a final line break.
pub fn render(report: &Report, layout: Layout) -> String {
    let mut page = Page { layout, out: String::new() };
    page.head(report);
    page.findings("", &report.drift);
    page.list("Not settled", &report.unsettled, |page, unsettled| {
        page.item(&format!("{}: {}", unsettled.object, unsettled.why));
    });
    page.gaps(&report.gaps);
    let idle = &report.idle_exclusions;
    page.list("Exclusions that have expired", &idle.expired, |page, expired| {
        page.item(&words::expired(expired));
    });
    page.list("Exclusions that expire soon", &report.expiring_exclusions, |page, expiring| {
        page.item(&words::exclusion(expiring));
    });
    page.list("Excluded", &report.excluded, Page::excluded);
    page.list("Exclusions that cover nothing", &idle.unused, |page, unused| {
        page.item(&words::exclusion(unused));
    });
    page.minor("In the baseline", &report.accepted);
    page.minor("Not counted before the application has settled", &report.provisional);
    page.minor("Below the threshold or not proven", &report.below_threshold);
    page.list("Warnings", &report.warnings, |page, warning| page.item(warning.as_str()));
    page.foot(report);
    page.out
}

struct Page {
    layout: Layout,
    out: String,
}

impl Page {
    fn paint(&self, role: Role, text: &str) -> String {
        self.layout.colour.paint(role, text)
    }

    /// One paragraph: the first line after `lead`, the others under it.
    fn wrap(&mut self, lead: &str, indent: usize, text: &str) {
        let rest = " ".repeat(indent);
        let options = Options::new(self.layout.columns)
            .initial_indent(lead)
            .subsequent_indent(&rest)
            .break_words(false)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation)
            .wrap_algorithm(WrapAlgorithm::FirstFit);
        self.line(&textwrap::fill(text, options));
    }

    fn item(&mut self, text: &str) {
        self.wrap("  ", 4, &cut(text, MESSAGE_BYTES));
    }

    fn head(&mut self, report: &Report) {
        let word = self.paint(Role::Exit(report.exit), words::word(report));
        self.wrap("", 2, &format!("{word} {}", words::place(report)));
        let (shown, hidden) = report.reasons.split_at(self.shown(ENTRIES, report.reasons.len()));
        for reason in shown {
            self.wrap("", 2, &cut(reason.as_str(), MESSAGE_BYTES));
        }
        self.rest(hidden.len(), "");
        if let Some(rollback) = &report.rollback {
            self.wrap("", 2, &words::capitalised(&words::rollback(rollback)));
            if let Some(plan) = &rollback.plan {
                self.wrap("", 2, &format!("Plan: {plan}"));
            }
        }
        for Override { at, what } in &report.overrides {
            self.wrap("", 2, &cut(&format!("Changed by {at}: {what}"), MESSAGE_BYTES));
        }
    }

    fn gaps(&mut self, gaps: &[Gap]) {
        let (blinding, others) = gaps.split_at(gaps.partition_point(|gap| gap.blinding));
        self.list("Not seen, though a blocking rule needs it", blinding, Self::gap);
        self.list("Not seen", others, Self::gap);
    }

    fn gap(&mut self, gap: &Gap) {
        self.item(&gap.to_string());
    }

    fn shown(&self, limit: usize, all: usize) -> usize {
        match self.layout.listing {
            Listing::Screen => limit.min(all),
            Listing::Full => all,
        }
    }

    /// Groups in the order of their worst finding.
    fn findings(&mut self, title: &str, findings: &[Finding]) {
        let (shown, hidden) = findings.split_at(self.shown(FINDINGS, findings.len()));
        if !title.is_empty() && !shown.is_empty() {
            self.heading(title, findings.len());
        }
        let mut groups: Vec<&Object> = Vec::new();
        let mut of_group: BTreeMap<&Object, Vec<&Finding>> = BTreeMap::new();
        for finding in shown {
            let group = of_group.entry(&finding.subject).or_default();
            if group.is_empty() {
                groups.push(&finding.subject);
            }
            group.push(finding);
        }
        for object in groups {
            let heading = self.paint(Role::Heading, &object.to_string());
            self.line("");
            self.line(&heading);
            for finding in of_group.remove(object).unwrap_or_default() {
                self.finding(finding);
            }
        }
        let rest = BySeverity::of(hidden.iter().map(|finding| finding.severity));
        self.rest(hidden.len(), &rest.words());
    }

    fn finding(&mut self, finding: &Finding) {
        let lead = format!("  {}  ", self.severity(finding.severity));
        let rule = self.paint(Role::Heading, finding.rule);
        let message = cut(finding.message.as_str(), MESSAGE_BYTES);
        self.wrap(&lead, BODY, &format!("{rule} ({}): {message}", finding.code));
        let body = " ".repeat(BODY);
        if let Some(origin) = words::origin(finding) {
            self.wrap(&body, BODY, &origin);
        }
        if let Some(near) = &finding.near_miss {
            self.wrap(&body, BODY, &cut(&words::near_miss(near), MESSAGE_BYTES));
        }
        self.labelled(BODY, Role::Advice, "do:", finding.help);
        self.labelled(BODY, Role::Aside, "at:", &words::evidence(finding));
        if self.layout.listing == Listing::Full {
            self.labelled(BODY, Role::Aside, "id:", finding.id.as_str());
        }
    }

    fn labelled(&mut self, indent: usize, role: Role, label: &str, text: &str) {
        let lead = format!("{}{} ", " ".repeat(indent), self.paint(role, label));
        self.wrap(&lead, indent + label.len() + 1, text);
    }

    fn severity(&self, severity: Severity) -> String {
        self.paint(Role::Severity(severity), &format!("{severity:<8}"))
    }

    fn excluded(&mut self, excluded: &Excluded) {
        let Excluded { finding, exclusion: Exclusion { at, rule: _, reason, owner, ticket, expires } } =
            excluded;
        let lead = format!("  {}  ", self.severity(finding.severity));
        let container = finding.container.as_ref().map(|name| format!(", container {name}"));
        let what = format!("{} ({}) on {}", finding.rule, finding.code, finding.subject);
        self.wrap(&lead, BODY, &format!("{what}{}", container.unwrap_or_default()));
        let ticket = words::ticket(ticket.as_ref());
        let why = format!("{at}, {owner} until {expires}: {reason}{ticket}");
        self.wrap(&" ".repeat(BODY), BODY, &cut(&why, MESSAGE_BYTES));
    }

    /// Findings that do not count: listed in full, or by number.
    fn minor(&mut self, title: &str, findings: &[Finding]) {
        match self.layout.listing {
            Listing::Full => self.findings(title, findings),
            Listing::Screen if findings.is_empty() => {}
            Listing::Screen => {
                let words = BySeverity::of(findings.iter().map(|finding| finding.severity)).words();
                self.line("");
                self.wrap("", 2, &format!("{title}: {words} (-o wide lists them)"));
            }
        }
    }

    fn list<T>(&mut self, title: &str, entries: &[T], each: impl Fn(&mut Self, &T)) {
        let (shown, hidden) = entries.split_at(self.shown(ENTRIES, entries.len()));
        if !shown.is_empty() {
            self.heading(title, entries.len());
        }
        for entry in shown {
            each(self, entry);
        }
        self.rest(hidden.len(), "");
    }

    fn heading(&mut self, title: &str, count: usize) {
        let title = self.paint(Role::Heading, title);
        self.line("");
        self.line(&format!("{title}: {count}"));
    }

    fn rest(&mut self, hidden: usize, words: &str) {
        if hidden > 0 {
            let words = if words.is_empty() { String::new() } else { format!(" ({words})") };
            let line = self.paint(Role::Aside, &format!("… and {hidden} more{words}: -o wide"));
            self.line(&format!("  {line}"));
        }
    }

    fn foot(&mut self, report: &Report) {
        self.line("");
        if let Some(judged) = words::judged(report) {
            self.wrap("", 2, &self.paint(Role::Aside, &judged));
        }
        self.wrap("", 2, &self.paint(Role::Aside, &format!("Run {}", report.run.id)));
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }
}

/// Column of what is said about a finding: two spaces, the longest severity, two spaces.
const BODY: usize = 12;
