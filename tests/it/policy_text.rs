//! Policies of the examples, cut, doubled and garbled, against the law that the fuzzer uses too.

use std::path::PathBuf;

use proptest::prelude::*;
use proptest::sample::Index;

#[path = "../../fuzz/law.rs"]
mod law;

/// All policy files of the examples.
fn corpus() -> Vec<String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples");
    let folders = root.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let files = folders.flat_map(|folder| ["policy.yaml", "platform.yaml"].map(|name| folder.join(name)));
    let mut texts: Vec<_> = files.filter_map(|file| std::fs::read_to_string(file).ok()).collect();
    texts.sort();
    texts
}

/// The words of the fuzzer's dictionary.
fn words() -> Vec<String> {
    let lines = include_str!("../../fuzz/policy.dict").lines();
    let quoted = lines.filter_map(|line| Some(line.split_once('"')?.1.rsplit_once('"')?.0));
    quoted.map(|word| word.replace("\\x0a", "\n").replace("\\\"", "\"")).collect()
}

#[derive(Clone, Debug)]
enum Change {
    Cut(Index),
    Drop(Index),
    Double(Index),
    Swap(Index, Index),
    Insert(Index, String),
}

fn any_change() -> impl Strategy<Value = Change> {
    let word = prop_oneof![prop::sample::select(words()), "[ -~é\n]{1,4}"];
    prop_oneof![
        any::<Index>().prop_map(Change::Cut),
        any::<Index>().prop_map(Change::Drop),
        any::<Index>().prop_map(Change::Double),
        any::<(Index, Index)>().prop_map(|(one, other)| Change::Swap(one, other)),
        (any::<Index>(), word).prop_map(|(at, word)| Change::Insert(at, word)),
    ]
}

/// Characters are cut and inserted, lines are dropped, doubled and swapped.
fn changed(text: &str, change: &Change) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    if lines.is_empty() {
        return text.to_owned();
    }
    let chars = text.chars().count() + 1;
    let (one, other) = match change {
        Change::Cut(at) => return text.chars().take(at.index(chars)).collect(),
        Change::Insert(at, word) => {
            let head: String = text.chars().take(at.index(chars)).collect();
            return format!("{head}{word}{}", &text[head.len()..]);
        }
        Change::Drop(at) | Change::Double(at) => (at.index(lines.len()), 0),
        Change::Swap(one, other) => (one.index(lines.len()), other.index(lines.len())),
    };
    match change {
        Change::Drop(_) => drop(lines.remove(one)),
        Change::Double(_) => lines.insert(one, lines[one]),
        Change::Cut(_) | Change::Insert(..) | Change::Swap(..) => lines.swap(one, other),
    }
    lines.concat()
}

#[test]
fn the_corpus_keeps_the_law() {
    let corpus = corpus();
    assert!(corpus.len() > 5 && words().len() > 20, "{} texts", corpus.len());
    for text in &corpus {
        law::holds(text);
    }
}

proptest! {
    #[test]
    fn what_becomes_of_the_corpus_keeps_the_law(
        text in prop::sample::select(corpus()), changes in prop::collection::vec(any_change(), 1..6),
    ) {
        law::holds(&changes.iter().fold(text, |text, change| changed(&text, change)));
    }
}
