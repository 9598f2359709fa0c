//! Splits a stream into documents and turns each into JSON.

use std::io::BufRead;

use serde_json::value::RawValue;

use super::{Document, Problem};

/// Feeds every document of a stream to `each`; JSON if the stream begins with a brace or bracket, else YAML.
pub(super) fn each(
    mut reader: impl BufRead,
    file: &str,
    each: &mut impl FnMut(&Document<'_>) -> Result<(), String>,
    problems: &mut Vec<Problem>,
) {
    let outcome = match begins_as_json(&mut reader) {
        Ok(true) => json(reader, file, each, problems),
        Ok(false) => yaml(reader, file, each, problems),
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        problems.push(Problem { file: file.to_owned(), document: None, line: 0, message: error.to_string() });
    }
}

fn problem(file: &str, document: usize, line: usize, message: String) -> Problem {
    Problem { file: file.to_owned(), document: Some(document), line, message }
}

/// Looks at the first bytes that are there; leading white space before JSON is rare and goes to the YAML parser,
/// which reads a single JSON document as well.
fn begins_as_json(reader: &mut impl BufRead) -> std::io::Result<bool> {
    Ok(matches!(reader.fill_buf()?.first(), Some(b'{' | b'[')))
}

fn json(
    reader: impl BufRead,
    file: &str,
    each: &mut impl FnMut(&Document<'_>) -> Result<(), String>,
    problems: &mut Vec<Problem>,
) -> std::io::Result<()> {
    let documents = serde_json::Deserializer::from_reader(reader).into_iter::<Box<RawValue>>();
    for (document, number) in documents.zip(1..) {
        match document {
            Ok(document) => {
                let text = document.get();
                if let Err(message) = each(&Document { json: text.as_bytes(), file, line: 1, text }) {
                    problems.push(problem(file, number, 1, message));
                }
            }
            Err(error) if error.is_io() => return Err(error.into()),
            Err(error) => problems.push(problem(file, number, 1, error.to_string())),
        }
    }
    Ok(())
}

/// A line that begins with `---` or `...` ends a document: inside one, such a line would be indented.
fn yaml(
    mut reader: impl BufRead,
    file: &str,
    each: &mut impl FnMut(&Document<'_>) -> Result<(), String>,
    problems: &mut Vec<Problem>,
) -> std::io::Result<()> {
    let mut text = String::new();
    let (mut number, mut line, mut begins_at) = (0, 0, 1);
    loop {
        let before = text.len();
        let ended = reader.read_line(&mut text)? == 0;
        line += 1;
        let last = text.get(before..).unwrap_or_default();
        if !ended && !is_separator(last) {
            continue;
        }
        let rest = last.strip_prefix("---").unwrap_or_default().trim_start_matches([' ', '\t']).to_owned();
        text.truncate(before);
        number += usize::from(!is_blank(&text));
        if let Some(message) = one(&text, file, begins_at, each) {
            problems.push(problem(file, number, begins_at, message));
        }
        if ended {
            return Ok(());
        }
        begins_at = line + usize::from(rest.trim().is_empty());
        text.clear();
        text.push_str(rest.trim_start_matches(['\r', '\n']));
    }
}

fn is_separator(line: &str) -> bool {
    let rest = line.strip_prefix("---").or_else(|| line.strip_prefix("..."));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// True for a document of comments, directives and white space only.
fn is_blank(text: &str) -> bool {
    text.lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#') || line.starts_with('%'))
}

/// Turns one YAML document into JSON; says what is wrong with it.
fn one(
    text: &str,
    file: &str,
    line: usize,
    each: &mut impl FnMut(&Document<'_>) -> Result<(), String>,
) -> Option<String> {
    if is_blank(text) {
        return None;
    }
    match transcode(text) {
        Ok(json) if json == b"null" => None,
        Ok(json) => each(&Document { json: &json, file, line, text }).err(),
        Err(_unplaced) => {
            // Once more with empty lines in front, so that the error names the line of the file.
            let placed = format!("{}{text}", "\n".repeat(line - 1));
            transcode(&placed).err()
        }
    }
}

fn transcode(text: &str) -> Result<Vec<u8>, String> {
    let mut json = Vec::with_capacity(text.len());
    let outcome = serde_saphyr::with_deserializer_from_str(text, |deserializer| {
        Ok(serde_transcode::transcode(deserializer, &mut serde_json::Serializer::new(&mut json)))
    });
    match outcome {
        Ok(Ok(())) => Ok(json),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}
