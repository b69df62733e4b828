use super::*;

fn mishap(text: &str) -> Mishap {
    text.parse().unwrap()
}

fn disturbances(texts: &[&str]) -> Disturbances {
    let mut disturbances = Disturbances::default();
    for text in texts {
        match mishap(text) {
            Mishap::Answer(disturbance) => disturbances.add(disturbance),
            other => panic!("{other} is no answer"),
        }
    }
    disturbances
}

fn occasion(text: &str) -> Occasion {
    match mishap(&format!("busy {text}")) {
        Mishap::Operation { occasion, .. } => occasion,
        other => panic!("{other}"),
    }
}

#[test]
fn every_mishap_is_read_as_it_is_written() {
    for text in [
        "wait next 3",
        "wait ap next 100000",
        "fault ap every 10",
        "parity nth 7",
        "silence ap nth 1",
        "power-cut now",
        "power-cut nor 17",
        "power-cut flash erase 1",
        "unplug nor program 2",
        "brown-out now",
        "flip 0x70001234.5 now",
        "flip 0x08000000.0 flash program 4",
        "busy nor 1",
        "fail nor erase 2",
    ] {
        assert_eq!(mishap(text).to_string(), text);
    }
}

#[test]
fn what_is_no_mishap_is_refused_by_the_word_that_does_not_fit() {
    for (text, because) in [
        ("", "something is missing"),
        ("earthquake now", "`earthquake` is not understood"),
        ("wait", "something is missing"),
        ("wait next", "something is missing"),
        ("wait next 0", "`0` is not understood"),
        ("wait now", "`now` is not understood"),
        ("fail now", "`now` is not understood"),
        ("power-cut psram 1", "`psram` is not understood"),
        ("power-cut nor erase", "something is missing"),
        ("power-cut now now", "`now` is not understood"),
        ("flip 0x70000000 now", "`0x70000000` is not understood"),
        ("flip 0x70000000.8 now", "`0x70000000.8` is not understood"),
        ("flip 1234.5 now", "`1234.5` is not understood"),
    ] {
        let error = text.parse::<Mishap>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`{text}` is no mishap: {because}")
        );
    }
}

#[test]
fn patterns_count_the_transfers_that_fit() {
    let mut next = disturbances(&["wait next 2"]);
    let answers: Vec<_> = (0..4).map(|_| next.next(true).is_some()).collect();
    assert_eq!(answers, [true, true, false, false]);

    let mut nth = disturbances(&["fault nth 3"]);
    let answers: Vec<_> = (0..7).map(|_| nth.next(true).is_some()).collect();
    assert_eq!(answers, [false, false, true, false, false, false, false]);

    let mut every = disturbances(&["parity every 3"]);
    let answers: Vec<_> = (0..7).map(|_| every.next(true).is_some()).collect();
    assert_eq!(answers, [false, false, true, false, false, true, false]);

    let mut access = disturbances(&["silence ap nth 2"]);
    let answers: Vec<_> = [true, false, false, true]
        .map(|of_access_port| access.next(of_access_port))
        .into();
    assert_eq!(answers, [None, None, None, Some(Answer::Silence)]);
}

#[test]
fn an_abort_ends_the_waits_that_have_begun_and_nothing_else() {
    let mut both = disturbances(&["wait next 1000", "fault nth 4"]);
    both.abort();
    assert_eq!(both.next(true), Some(Answer::Wait), "not yet begun");
    both.abort();
    let answers: Vec<_> = (0..4).map(|_| both.next(true)).collect();
    assert_eq!(answers, [None, None, Some(Answer::Fault), None]);
    both.add(Disturbance {
        answer: Answer::Wait,
        transfers: Transfers::All,
        pattern: Pattern::Next(NonZeroU32::MAX),
    });
    both.clear();
    assert_eq!(both.next(true), None);
}

#[test]
fn an_ambush_strikes_the_operation_it_waits_for() {
    let cut = Blow::Event(Event::PowerCut);
    let mut ambushes = Ambushes::default();
    ambushes.lay(occasion("nor erase 2"), cut);
    ambushes.lay(occasion("nor 3"), Blow::Failing(Failing::Failed));
    let blows: Vec<_> = [
        Operation::Erase,
        Operation::Program,
        Operation::Program,
        Operation::Erase,
        Operation::Erase,
    ]
    .map(|operation| ambushes.spring(operation))
    .into();
    assert_eq!(
        blows,
        [
            vec![],
            vec![],
            vec![Blow::Failing(Failing::Failed)],
            vec![cut],
            vec![],
        ]
    );
}
