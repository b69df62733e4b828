//! The files of a project, as far as they are of interest, and their texts. What lies there was written by anybody: depth, number and
//! size are bounded, links are not followed.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use walkdir::{DirEntry, WalkDir};

/// Folders below the project's. ST's projects need five, a Cargo target folder four.
const DEPTH: usize = 8;
/// Files that are looked at. A project of CubeMX with its drivers has some 2,000.
const FILES: usize = 20_000;
/// Bytes of a text that are read. ST's largest `.cproject` has 60 KB.
const TEXT: u64 = 4 << 20;

/// Folders that hold no project of the user's.
const SKIPPED: &[&str] = &[
    "Drivers",
    "Middlewares",
    "node_modules",
    "__pycache__",
    "CMakeFiles",
    // Of a Cargo target folder.
    "deps",
    "incremental",
    ".fingerprint",
];

/// Folders with a dot that are looked into.
const DOTTED: &[&str] = &[".cargo", ".vscode"];

/// A project's folder, walked once.
#[derive(Debug)]
pub struct Survey {
    root: PathBuf,
    files: Vec<PathBuf>,
    /// There are more files than are looked at.
    pub is_cut: bool,
}

impl Survey {
    /// Walks `root`.
    pub fn of(root: &Path) -> io::Result<Self> {
        // Says why a folder cannot be read, which the walk below passes over.
        std::fs::read_dir(root)?;
        let walk = WalkDir::new(root)
            .max_depth(DEPTH)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(is_of_interest);
        let mut files = walk
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .filter_map(|entry| entry.path().strip_prefix(root).ok().map(Path::to_owned));
        let found: Vec<PathBuf> = files.by_ref().take(FILES).collect();
        Ok(Self {
            root: root.to_owned(),
            is_cut: files.next().is_some(),
            files: found,
        })
    }

    /// The project's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every file, relative to the project's folder.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// The files whose name ends in `.ENDING`, in whatever case.
    pub fn ending<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = &'a Path> {
        self.files().filter(move |file| {
            let own = file.extension();
            own.is_some_and(|own| own.eq_ignore_ascii_case(ending))
        })
    }

    /// The files of that name, in whatever folder.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Path> {
        self.files()
            .filter(move |file| file.file_name().is_some_and(|own| own == name))
    }

    /// True if there is this file.
    pub fn has(&self, file: &Path) -> bool {
        self.files().any(|own| own == file)
    }

    /// The text of a file; bytes that are no UTF-8 are replaced. Nothing if it cannot be read.
    pub fn text(&self, file: &Path) -> Option<String> {
        let mut bytes = Vec::new();
        let opened = File::open(self.root.join(file)).ok()?;
        opened.take(TEXT).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn is_of_interest(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    if entry.depth() == 0 || !entry.file_type().is_dir() {
        return true;
    }
    // CubeMX's CMake projects build into `build` too; Cargo's has no presets' names in it.
    let is_cargo_build = entry.path().parent().is_some_and(is_cargo_profile);
    match &*name {
        "build" => !is_cargo_build,
        name if name.starts_with('.') => DOTTED.contains(&name),
        name => !SKIPPED.contains(&name),
    }
}

/// True for `target/TRIPLE/release` and its like: Cargo leaves a lock file there.
fn is_cargo_profile(folder: &Path) -> bool {
    folder.join(".cargo-lock").is_file()
}

/// A path as configuration files have it on every system.
pub fn slashed(path: &Path) -> String {
    let parts: Vec<String> = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_and_build_products_are_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        for file in [
            "a.ioc",
            "Drivers/HAL/b.c",
            ".git/c",
            ".cargo/config.toml",
            "build/Debug/a.elf",
            "target/thumbv7em-none-eabihf/debug/.cargo-lock",
            "target/thumbv7em-none-eabihf/debug/appli",
            "target/thumbv7em-none-eabihf/debug/build/x/out",
        ] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, "text").expect("a file");
        }
        let survey = Survey::of(folder.path()).expect("a survey");
        let found: Vec<String> = survey.files().map(slashed).collect();
        assert_eq!(
            found,
            [
                ".cargo/config.toml",
                "a.ioc",
                "build/Debug/a.elf",
                "target/thumbv7em-none-eabihf/debug/.cargo-lock",
                "target/thumbv7em-none-eabihf/debug/appli",
            ]
        );
        assert_eq!(survey.text(Path::new("a.ioc")).as_deref(), Some("text"));
        assert_eq!(survey.ending("IOC").count(), 1);
    }
}
