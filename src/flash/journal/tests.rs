use super::*;
use crate::{flash::InternalFlash, layout::BoardProfile, link::fake::FakeLink};

const NOR: &str = "window nor at 0x70000000";

/// A folder of this test's own.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A chip with this identifier.
fn chip(identifier: u32) -> FakeLink {
    let words = [identifier, 2, 3].map(u32::to_le_bytes);
    FakeLink::new().with_memory(0x08FF_F800, words.as_flattened())
}

fn context<'a>(profile: &'a BoardProfile, folder: &Path) -> FlashContext<'a> {
    FlashContext {
        profile,
        internal: InternalFlash::Keep,
        standing: crate::flash::Standing::Anywhere,
        journal: Some(folder.to_owned()),
    }
}

fn kit() -> BoardProfile {
    BoardProfile::find("stm32h7s78-dk").expect("the kit")
}

fn told(link: &mut FakeLink, folder: &Path) -> Vec<String> {
    let unfinished = unfinished(link, "stm32h7s78-dk", folder).expect("a link");
    unfinished.iter().map(ToString::to_string).collect()
}

fn range(start: u64, end: u64) -> Vec<(String, Range<u64>)> {
    vec![(NOR.to_owned(), start..end)]
}

#[test]
fn what_begins_is_unfinished_until_what_overlaps_it_is_done() {
    let (folder, profile) = (folder(), kit());
    let context = context(&profile, folder.path());
    let mut link = chip(1);
    let mut journal = Journal::new(&context);
    journal
        .begin(&mut link, NOR, 0x7000_0000..0x7002_0000, Vec::new())
        .expect("a link");
    assert_eq!(
        told(&mut link, folder.path()),
        [
            "an earlier programming of window nor at 0x70000000 ended in the middle, between 0x70000000 and 0x70020000"
        ]
    );
    let elsewhere = Journal::new(&context).end(&mut link, &range(0x7002_0000, 0x7003_0000));
    assert_eq!(elsewhere.expect("a link"), Vec::<String>::new());
    assert_eq!(told(&mut link, folder.path()).len(), 1);
    let done = Journal::new(&context).end(&mut link, &range(0x7001_0000, 0x7002_0000));
    assert_eq!(done.expect("a link"), [NOR]);
    assert_eq!(told(&mut link, folder.path()), Vec::<String>::new());
    assert_eq!(
        fs::read_dir(folder.path())
            .map(Iterator::count)
            .unwrap_or(0),
        0
    );
}

#[test]
fn a_failure_leaves_its_reason_and_the_next_attempt_keeps_the_whole_range() {
    let (folder, profile) = (folder(), kit());
    let context = context(&profile, folder.path());
    let mut link = chip(1);
    let cancelled = FlashError::Cancelled {
        sector: Address(0x7001_0000),
        done: 1,
        total: 2,
    };
    for begin in [0x7000_0000, 0x7001_0000] {
        let mut journal = Journal::new(&context);
        journal
            .begin(&mut link, NOR, begin..0x7002_0000, Vec::new())
            .expect("a link");
        journal.failed(&cancelled);
        let [line] = told(&mut link, folder.path()).try_into().expect("one line");
        assert!(
            line.ends_with(&format!("between 0x70000000 and 0x70020000: {cancelled}")),
            "{line}"
        );
    }
    let mut journal = Journal::new(&context);
    journal
        .begin(&mut link, NOR, 0x7001_0000..0x7002_0000, Vec::new())
        .expect("a link");
    let completed = journal.end(&mut link, &range(0x7000_0000, 0x7002_0000));
    assert_eq!(completed.expect("a link"), [NOR], "it went on with it");
}

#[test]
fn what_an_erase_takes_along_is_kept_until_what_overlaps_it_is_done() {
    let (folder, profile) = (folder(), kit());
    let context = context(&profile, folder.path());
    let mut link = chip(1);
    let all = range(0x7000_0000, 0x7002_0000);
    let first = (Address(0x7000_0000), vec![1; 0x1000]);
    let second = (Address(0x7001_F000), vec![2; 0x1000]);
    for (kept, begin) in [(&first, 0x7000_0000), (&second, 0x7001_0000)] {
        let mut journal = Journal::new(&context);
        journal
            .begin(&mut link, NOR, begin..0x7002_0000, vec![kept.clone()])
            .expect("a link");
    }
    let journal = Journal::new(&context);
    assert_eq!(
        journal.rescued(&mut link, &all).expect("a link"),
        [first, second]
    );
    let elsewhere = range(0x7002_0000, 0x7003_0000);
    assert_eq!(journal.rescued(&mut link, &elsewhere).expect("a link"), []);
    journal.end(&mut link, &all).expect("a link");
    let journal = Journal::new(&context);
    assert_eq!(journal.rescued(&mut link, &all).expect("a link"), []);
}

#[test]
fn what_one_transaction_begins_and_ends_is_nobody_elses() {
    let (folder, profile) = (folder(), kit());
    let context = context(&profile, folder.path());
    let mut link = chip(1);
    let mut journal = Journal::new(&context);
    let all = range(0x7000_0000, 0x7001_0000);
    journal
        .begin(&mut link, NOR, 0x7000_0000..0x7001_0000, Vec::new())
        .expect("a link");
    assert_eq!(
        journal.end(&mut link, &all).expect("a link"),
        Vec::<String>::new()
    );
}

#[test]
fn two_boards_of_a_project_do_not_mix() {
    let (folder, profile) = (folder(), kit());
    let context = context(&profile, folder.path());
    let (mut one, mut other) = (chip(1), chip(2));
    let all = range(0x7000_0000, 0x7001_0000);
    Journal::new(&context)
        .begin(&mut one, NOR, 0x7000_0000..0x7001_0000, Vec::new())
        .expect("a link");
    assert_eq!(told(&mut other, folder.path()), Vec::<String>::new());
    let completed = Journal::new(&context).end(&mut other, &all);
    assert_eq!(completed.expect("a link"), Vec::<String>::new());
    assert_eq!(told(&mut one, folder.path()).len(), 1);
}

#[test]
fn a_damaged_journal_is_told_and_goes_with_the_next_success() {
    let (folder, profile) = (folder(), kit());
    let context = context(&profile, folder.path());
    let mut link = chip(1);
    let all = range(0x7000_0000, 0x7001_0000);
    let file = file_of(&mut link, &profile.name, folder.path()).expect("a link");
    for damage in [&b""[..], b"{", b"\xFF\x00", b"[]", b"{\"entries\": 7}"] {
        fs::create_dir_all(folder.path()).expect("a folder");
        fs::write(&file, damage).expect("a file");
        let [line] = told(&mut link, folder.path()).try_into().expect("one line");
        assert!(line.contains("is damaged"), "{line}");
        let completed = Journal::new(&context).end(&mut link, &all);
        assert_eq!(completed.expect("a link"), Vec::<String>::new());
        assert_eq!(told(&mut link, folder.path()), Vec::<String>::new());
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_no_failure() {
    let (folder, profile) = (folder(), kit());
    let taken = folder.path().join("taken");
    fs::write(&taken, "a file where the folder should be").expect("a file");
    let context = context(&profile, &taken);
    let mut link = chip(1);
    let mut journal = Journal::new(&context);
    journal
        .begin(&mut link, NOR, 0x7000_0000..0x7001_0000, Vec::new())
        .expect("no failure");
    let all = range(0x7000_0000, 0x7001_0000);
    assert_eq!(
        journal.end(&mut link, &all).expect("no failure"),
        Vec::<String>::new()
    );
}
