//! The files that `init` writes: never over another, unless told to, and each with a word.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::platform;

/// A file to be written, relative to the project.
#[derive(Debug)]
pub struct Output {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub text: String,
    /// It is a program.
    pub is_script: bool,
}

/// How files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// None that is there is replaced.
    New,
    /// What is there is replaced.
    Over,
    /// Nothing is written.
    Dry,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was written.
    New,
    /// It was written, and another was there before.
    Over,
    /// It would be written.
    WouldBe,
    /// Another is there.
    Kept,
    /// The same is there.
    Same,
}

impl Output {
    /// A text.
    pub fn text(path: impl Into<PathBuf>, text: String) -> Self {
        Self {
            path: path.into(),
            text,
            is_script: false,
        }
    }

    /// A program.
    pub fn script(path: impl Into<PathBuf>, text: String) -> Self {
        Self {
            is_script: true,
            ..Self::text(path, text)
        }
    }

    /// Writes it below `root`.
    pub fn write(&self, root: &Path, writing: Writing) -> io::Result<Written> {
        let path = root.join(&self.path);
        let before = match fs::read(&path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if before.as_deref() == Some(self.text.as_bytes()) {
            return Ok(Written::Same);
        }
        match (writing, before.is_some()) {
            (Writing::Dry, false) => return Ok(Written::WouldBe),
            (Writing::Dry | Writing::New, true) => return Ok(Written::Kept),
            (Writing::New, false) | (Writing::Over, _) => {}
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        match writing {
            Writing::Over => options.write(true).create(true).truncate(true),
            Writing::New | Writing::Dry => options.write(true).create_new(true),
        };
        options.open(&path)?.write_all(self.text.as_bytes())?;
        if self.is_script {
            platform::make_executable(&path)?;
        }
        Ok(match before {
            Some(_) => Written::Over,
            None => Written::New,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten_unless_told_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |text: &str, writing| {
            let output = Output::text("a/b.toml", text.to_owned());
            output.write(folder.path(), writing).expect("written")
        };
        let holds = || fs::read_to_string(folder.path().join("a/b.toml")).unwrap_or_default();
        assert_eq!(
            (write("1", Writing::Dry), holds().as_str()),
            (Written::WouldBe, "")
        );
        assert_eq!(
            (write("1", Writing::New), holds().as_str()),
            (Written::New, "1")
        );
        assert_eq!(
            (write("1", Writing::New), holds().as_str()),
            (Written::Same, "1")
        );
        assert_eq!(
            (write("2", Writing::New), holds().as_str()),
            (Written::Kept, "1")
        );
        assert_eq!(
            (write("2", Writing::Dry), holds().as_str()),
            (Written::Kept, "1")
        );
        assert_eq!(
            (write("2", Writing::Over), holds().as_str()),
            (Written::Over, "2")
        );
    }
}
