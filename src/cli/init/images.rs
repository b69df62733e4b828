//! What a project has built: which of its files is the appli, which the boot stage, which a loader. Told by contents, as everywhere here.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{extmem, survey::Survey};
use crate::{
    image::Image,
    layout::{Address, BoardProfile},
    loader::Choice,
};

/// Files that are opened: the newest of them.
const FILES: usize = 64;

/// Endings of ELF files and of what boot stages are published as.
const ENDINGS: &[&str] = &["elf", "axf", "out", "hex", "stldr"];

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Its vectors lie behind a window, or in RAM.
    Appli(Address),
    /// Its vectors lie in internal flash.
    Boot,
    /// It describes an external memory.
    Loader,
}

/// A file that was built.
#[derive(Debug)]
pub struct Built {
    /// Relative to the project.
    pub path: PathBuf,
    /// What it is.
    pub role: Role,
    /// Whether a debugger can read names from it.
    pub is_elf: bool,
}

/// The files that were built, the newest first.
pub fn built(survey: &Survey, profile: &BoardProfile) -> Vec<Built> {
    let mut files: Vec<(SystemTime, &Path)> = survey
        .files()
        .filter(|file| is_candidate(file))
        .filter_map(|file| {
            let modified = survey.root().join(file).metadata().ok()?.modified().ok()?;
            Some((modified, file))
        })
        .collect();
    files.sort_by(|(one, _), (other, _)| other.cmp(one));
    let newest = files.into_iter().take(FILES);
    newest
        .filter_map(|(_, file)| look_at(survey.root(), file, profile))
        .collect()
}

/// By its ending, or by its place in a Cargo target folder.
fn is_candidate(file: &Path) -> bool {
    match file.extension() {
        Some(own) => ENDINGS
            .iter()
            .any(|ending| own.eq_ignore_ascii_case(ending)),
        None => {
            let folders: Vec<_> = file.iter().collect();
            matches!(folders[..], [target, triple, _, _] if target == "target" && triple.to_string_lossy().starts_with("thumb"))
        }
    }
}

fn look_at(root: &Path, file: &Path, profile: &BoardProfile) -> Option<Built> {
    let path = root.join(file);
    let is_elf = !file
        .extension()
        .is_some_and(|own| own.eq_ignore_ascii_case("hex"));
    let role = if is_elf && Choice::File(path.clone()).routine(profile).is_ok() {
        Role::Loader
    } else {
        role_of(&Image::open(&path).ok()?, profile)?
    };
    Some(Built {
        path: file.to_owned(),
        role,
        is_elf,
    })
}

fn role_of(image: &Image, profile: &BoardProfile) -> Option<Role> {
    let vectors = image.vectors()?.address;
    if profile.is_internal(vectors) {
        return Some(Role::Boot);
    }
    let is_behind_window = extmem::controller_of(vectors).is_some();
    (is_behind_window || profile.ram(vectors).is_some()).then_some(Role::Appli(vectors))
}
