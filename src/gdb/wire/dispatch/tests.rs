use proptest::prelude::*;

use super::*;

fn stub(packet: &str, need: Need) -> Request {
    Request::Stub {
        packet: packet.as_bytes().to_vec(),
        need,
    }
}

#[test]
fn what_gdbstub_gets_is_written_anew() {
    assert_eq!(
        parse(b"m0070010000,00000004"),
        stub("m70010000,4", Need::Look)
    );
    assert_eq!(
        parse(b"Z1,070010000,2"),
        stub("Z1,70010000,2", Need::Change)
    );
    assert_eq!(parse(b"P19=00000001"), stub("P19=00000001", Need::Change));
    assert_eq!(
        parse(b"vFlashErase:70000000,10000"),
        stub("vFlashErase:70000000,10000", Need::Change)
    );
}

#[test]
fn what_gdbstub_would_end_the_session_for_is_malformed() {
    for body in [
        &b"m"[..],
        b"m70000000",
        b"mffffffff,2",
        b"mzz,4",
        b"m1,2,3",
        b"P=00",
        b"P1=",
        b"G123",
        b"X0,2:a",
        b"X0,1:}",
        b"M0,1:zz",
        b"Z1,70000000",
        b"Z1,70000000,2;",
        b"Z1,70000000,2;X2,27",
        b"Z1,70000000,2;X1,27;cmds",
        b"Z2,20000000,4;X1,27",
        b"z1,70000000,2;X1,27",
        b"vCont;",
        b"vCont;q",
        b"vCont;rzz,1",
        b"vFlashErase:0",
        b"vFlashWrite:zz:abc",
        b"vFile:pread:5,zz,0",
        b"qRcmd,6",
        b"qCRC:1",
        b"Hgxyz",
        b"H",
    ] {
        assert!(
            matches!(parse(body), Request::Malformed { .. }),
            "{}",
            body.escape_ascii()
        );
    }
}

#[test]
fn a_read_is_cut_to_what_a_reply_holds() {
    assert_eq!(
        parse(b"m70000000,ffffff"),
        stub("m70000000,2000", Need::Look)
    );
}

#[test]
fn a_crc_is_not_a_thread() {
    assert_eq!(
        parse(b"qCRC:70000000,1000"),
        Request::Crc {
            address: 0x7000_0000,
            length: 0x1000
        }
    );
    assert_eq!(parse(b"qC"), Request::CurrentThread);
}

#[test]
fn every_way_to_resume_is_one() {
    let range = Action::StepRange {
        start: 0x7000_0100,
        end: 0x7000_0110,
    };
    for (body, action, thread) in [
        (&b"c"[..], Action::Continue, None),
        (b"C05", Action::Continue, None),
        (b"vCont;c", Action::Continue, None),
        (b"vCont;C05:-1", Action::Continue, None),
        (b"s", Action::Step, None),
        (b"vCont;s:1;c", Action::Step, Some(1)),
        (b"vCont;s:p1.1;c:p1.-1", Action::Step, Some(1)),
        (
            b"vCont;c:20000100;s:20000200",
            Action::Step,
            Some(0x2000_0200),
        ),
        (b"vCont;r70000100,70000110:1;c", range, Some(1)),
        (b"vCont;t:p1.-1", Action::Stop, None),
    ] {
        let resume = Request::Resume {
            from: None,
            action,
            thread: thread.map(ThreadId),
        };
        assert_eq!(parse(body), resume, "{}", body.escape_ascii());
    }
    assert_eq!(
        parse(b"c70010001"),
        Request::Resume {
            from: Some(0x7001_0001),
            action: Action::Continue,
            thread: None,
        }
    );
}

#[test]
fn a_thread_is_selected_for_looking_and_nothing_else() {
    let select = |purpose, thread: Option<u32>| Request::SelectThread {
        purpose,
        thread: thread.map(ThreadId),
    };
    assert_eq!(
        parse(b"Hg20000200"),
        select(Purpose::Look, Some(0x2000_0200))
    );
    assert_eq!(parse(b"Hg0"), select(Purpose::Look, None));
    assert_eq!(parse(b"Hc-1"), select(Purpose::Other, None));
    assert_eq!(
        parse(b"Hgp1.20000200"),
        select(Purpose::Look, Some(0x2000_0200))
    );
    assert_eq!(
        parse(b"T20000200"),
        Request::ThreadAlive(Some(ThreadId(0x2000_0200)))
    );
    assert!(matches!(parse(b"Hgxyz"), Request::Malformed { .. }));
}

#[test]
fn a_client_says_whether_it_shows_text() {
    assert_eq!(
        parse(b"qSupported:multiprocess+;swbreak+"),
        Request::Supported {
            error_text: false,
            hwbreak: false
        }
    );
    assert_eq!(
        parse(b"qSupported:multiprocess+;error-message+;hwbreak+"),
        Request::Supported {
            error_text: true,
            hwbreak: true
        }
    );
}

#[test]
fn documents_are_read_in_parts() {
    let part = Part {
        offset: 0x10,
        length: 0xffb,
    };
    for (body, document) in [
        (
            &b"qXfer:features:read:target.xml:10,ffb"[..],
            Document::Features,
        ),
        (b"qXfer:memory-map:read::10,ffb", Document::MemoryMap),
        (b"qXfer:threads:read::10,ffb", Document::Threads),
        (b"qXfer:exec-file:read:1:10,ffb", Document::ExecFile),
    ] {
        assert_eq!(parse(body), Request::Read { document, part });
    }
    // An annex that is not there is refused and ends nothing (probe-rs's server ends).
    assert!(matches!(
        parse(b"qXfer:features:read:arm-fpu.xml:0,ffb"),
        Request::Malformed { .. }
    ));
}

#[test]
fn host_files_are_read_only() {
    assert_eq!(parse(b"vFile:unlink:2f"), Request::Unknown);
    assert_eq!(parse(b"vFile:pwrite:1,0,a"), Request::Unknown);
    assert_eq!(
        parse(b"vFile:pread:1,fffff,0"),
        stub("vFile:pread:1,2000,0", Need::Look)
    );
}

#[test]
fn a_search_takes_a_binary_pattern() {
    assert_eq!(
        parse(b"qSearch:memory:20000000;100;ab};c"),
        Request::Search {
            address: 0x2000_0000,
            length: 0x100,
            pattern: b"ab\x1bc".to_vec()
        }
    );
}

#[test]
fn what_nobody_knows_gets_the_empty_reply() {
    for body in [
        &b""[..],
        b"vMustReplyEmpty",
        b"qTStatus",
        b"bs",
        b"jGetLoadedDynamicLibrariesInfos",
    ] {
        assert_eq!(parse(body), Request::Unknown, "{}", body.escape_ascii());
    }
}

proptest! {
    #[test]
    fn no_packet_is_too_strange(letter in "[?!gGpPmxMXZzcsCSHTDkRvqQ]", body in proptest::collection::vec(any::<u8>(), 0..64)) {
        let mut packet = letter.into_bytes();
        packet.extend(body);
        parse(&packet);
    }
}
