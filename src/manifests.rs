//! Edge towards files: manifests in YAML and JSON become the JSON of one document at a time.
//!
//! Documents are streamed and never held as trees. What is no manifest is named with file, document and line; the
//! rest is still read. Does not know kinds.

mod documents;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// One document that could not be used, or one file that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// File as it was named.
    pub file: String,
    /// Number of the document in the file, from 1; none for the file as a whole.
    pub document: Option<usize>,
    /// Line where the document begins, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.document {
            Some(document) => {
                write!(f, "{}:{}: document {document}: {}", self.file, self.line, self.message)
            }
            None => write!(f, "reading {}: {}", self.file, self.message),
        }
    }
}

/// A document that is not empty, and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// Its JSON.
    pub json: &'a [u8],
    /// File as it was named.
    pub file: &'a str,
    /// Line where it begins, from 1; within a stream of JSON always 1.
    pub line: usize,
    /// As it is written.
    pub text: &'a str,
}

/// Reads files, folders (`*.yaml`, `*.yml`, `*.json`, in order of their names) and, for `-`, `stdin`.
///
/// `each` gets the JSON of every document that is not empty, and says what is wrong with it if it is no manifest.
pub fn read(
    paths: &[PathBuf],
    stdin: impl BufRead,
    mut each: impl FnMut(&[u8]) -> Result<(), String>,
) -> Vec<Problem> {
    documents(paths, stdin, |document| each(document.json))
}

/// The same with the place of each document.
pub fn documents(
    paths: &[PathBuf],
    mut stdin: impl BufRead,
    mut each: impl FnMut(&Document<'_>) -> Result<(), String>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            documents::each(&mut stdin, "standard input", &mut each, &mut problems);
            continue;
        }
        for file in files(path, &mut problems) {
            let name = file.display().to_string();
            match open(&file) {
                Ok(reader) => documents::each(reader, &name, &mut each, &mut problems),
                Err(error) => problems.push(whole(&file, &error)),
            }
        }
    }
    problems
}

#[expect(clippy::disallowed_methods, reason = "this is the edge that reads manifests")]
fn open(path: &Path) -> io::Result<BufReader<File>> {
    Ok(BufReader::with_capacity(64 * 1024, File::open(path)?))
}

/// The file itself, or the manifests below a folder.
fn files(path: &Path, problems: &mut Vec<Problem>) -> BTreeSet<PathBuf> {
    if !path.is_dir() {
        return [path.to_owned()].into();
    }
    let mut found = BTreeSet::new();
    match path.read_dir().and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Ok(entries) => {
            for entry in entries {
                let path = entry.path();
                let manifest =
                    path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
                if path.is_dir() || manifest {
                    found.extend(files(&path, problems));
                }
            }
        }
        Err(error) => problems.push(whole(path, &error)),
    }
    found
}

fn whole(path: &Path, error: &io::Error) -> Problem {
    Problem { file: path.display().to_string(), document: None, line: 0, message: error.to_string() }
}

/// An error with its causes, in one line.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Vec<String>, Vec<String>) {
        let mut documents = Vec::new();
        let problems = read(&["-".into()], text.as_bytes(), |json| {
            documents.push(String::from_utf8(json.to_vec()).unwrap());
            Ok(())
        });
        (documents, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn documents_come_one_by_one_without_the_empty_ones() {
        let (documents, problems) = read_text("# nothing\n---\na: 1\n---\n\n---\nb: [x, \"012\"]\n...\n");
        assert_eq!(documents, [r#"{"a":1}"#, r#"{"b":["x","012"]}"#]);
        assert_eq!(problems, Vec::<String>::new());
    }

    #[test]
    fn a_block_scalar_may_hold_a_separator() {
        let (documents, _) = read_text("a: |\n  ---\n  x\n---\nb: 2\n");
        assert_eq!(documents, [r#"{"a":"---\nx\n"}"#, r#"{"b":2}"#]);
    }

    #[test]
    fn a_broken_document_is_named_and_the_others_are_read() {
        let (documents, problems) = read_text("a: 1\n---\nb: {{ .Values.b }}\n---\nc: 3\n");
        assert_eq!(documents, [r#"{"a":1}"#, r#"{"c":3}"#]);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("standard input:3: document 2: "), "{}", problems[0]);
    }

    #[test]
    fn json_documents_may_follow_one_another() {
        let (documents, problems) = read_text("{\"a\":1}\n{\"b\":\n2}\n");
        assert_eq!(documents, ["{\"a\":1}", "{\"b\":\n2}"]);
        assert_eq!(problems, Vec::<String>::new());
    }

    #[test]
    fn broken_json_is_named() {
        let (documents, problems) = read_text("{\"a\":1}\n{\"b\":\n");
        assert_eq!(documents, ["{\"a\":1}"]);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("standard input:1: document 2: "), "{}", problems[0]);
    }

    #[test]
    fn what_each_refuses_is_a_problem() {
        let problems = read(&["-".into()], "a: 1\n---\nb: 2\n".as_bytes(), |_| Err("no kind".to_owned()));
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["standard input:1: document 1: no kind", "standard input:3: document 2: no kind"]);
    }

    #[test]
    fn a_missing_file_is_a_problem() {
        let problems = read(&["/nonexistent/x.yaml".into()], io::empty(), |_| Ok(()));
        assert_eq!(problems.len(), 1);
        assert!(problems[0].to_string().starts_with("reading /nonexistent/x.yaml: "));
    }
}
