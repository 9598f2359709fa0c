//! Addresses that are passwords.
//!
//! Whoever knows the address of an incoming webhook may write to it. Never shown, in no form: not by Debug, not in an
//! error.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use reqwest::Url;

/// Most bytes that are read from a file.
const MOST_BYTES: usize = 4096;

/// The address of a webhook.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Url);

/// Why there is no address.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// Not an absolute `http` or `https` URL; the text itself is not shown.
    #[error("not an http or https URL")]
    Invalid,
    /// The file cannot be read.
    #[error("reading {}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What the file holds is no address.
    #[error("{} holds no http or https URL", file.display())]
    NoUrl {
        /// The file.
        file: PathBuf,
    },
}

impl SecretUrl {
    /// From the value of an environment variable; white space around it is dropped.
    ///
    /// # Errors
    /// It is not an absolute `http` or `https` URL.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        // The parser would drop line breaks and join what was on two lines.
        let one_word = Some(text.trim()).filter(|text| !text.contains(char::is_whitespace));
        let url = one_word.and_then(|text| Url::parse(text).ok());
        let web = url.filter(|url| matches!(url.scheme(), "http" | "https"));
        web.map(Self).ok_or(UrlError::Invalid)
    }

    /// From a mounted file, for instance a key of a Secret.
    ///
    /// # Errors
    /// The file cannot be read, or holds anything but one address.
    pub async fn read(file: &Path) -> Result<Self, UrlError> {
        let file = file.to_owned();
        match tokio::fs::read_to_string(&file).await {
            Ok(text) if text.len() <= MOST_BYTES => {
                Self::parse(&text).map_err(|_invalid| UrlError::NoUrl { file })
            }
            Ok(_) => Err(UrlError::NoUrl { file }),
            Err(source) => Err(UrlError::Unreadable { file, source }),
        }
    }

    pub(super) fn expose(&self) -> Url {
        self.0.clone()
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretUrl(…)")
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const URL: &str = "https://hooks.chat.example/services/T0/B0/hunter2";

    #[test]
    fn an_address_is_never_shown() {
        let url = SecretUrl::parse(&format!(" {URL}\n")).unwrap();
        assert_eq!(format!("{url} {url:?}"), "… SecretUrl(…)");
        for text in ["", "hunter2", "ftp://chat.example/hunter2", "/hunter2", "mailto:hunter2@chat.example"] {
            let error = SecretUrl::parse(text).unwrap_err();
            assert_eq!(format!("{error} {error:?}"), "not an http or https URL Invalid", "{text}");
        }
    }

    #[tokio::test]
    async fn an_address_comes_from_a_mounted_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "{URL}").unwrap();
        assert_eq!(SecretUrl::read(file.path()).await.unwrap(), SecretUrl::parse(URL).unwrap());
        writeln!(file, "another line").unwrap();
        let error = SecretUrl::read(file.path()).await.unwrap_err().to_string();
        assert!(error.ends_with("holds no http or https URL") && !error.contains("hunter2"), "{error}");
        let error = SecretUrl::read(Path::new("/nowhere/url")).await.unwrap_err().to_string();
        assert!(error.starts_with("reading /nowhere/url: No such file"), "{error}");
    }
}
