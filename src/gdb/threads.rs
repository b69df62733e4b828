//! What the remote protocol says of threads (GDB manual, "Packets" and "Thread List Format").
//!
//! A thread's id is the address of what its kernel keeps of it, so it means the same to every client, and after a reconnect. GDB
//! numbers threads itself. Where no kernel runs threads there is one, with the id 1.

use std::fmt::Write as _;

use super::{
    snapshot::Snapshot,
    wire::{
        dispatch::{Document, Part, Request},
        encoding::to_hex,
        reply::{self, OK},
    },
};
use crate::threads::{Thread, ThreadId, Threads};

/// No such thread (ESRCH).
pub const NO_SUCH_THREAD: &[u8] = b"E03";

/// "The target is stopped", for a client that only looks.
pub fn stopped(running: ThreadId) -> Vec<u8> {
    format!("T05thread:{:x};", running.0).into_bytes()
}

/// `gdb_reply`, a `T` reply, with the thread that has stopped.
pub fn with_thread(gdb_reply: &[u8], running: ThreadId) -> Vec<u8> {
    const FIELD: &[u8] = b"thread:01;";
    let at = gdb_reply
        .windows(FIELD.len())
        .position(|field| field == FIELD);
    match at.and_then(|at| gdb_reply.split_at_checked(at)) {
        Some((before, after)) => {
            let mut reply = before.to_vec();
            reply.extend(format!("thread:{:02x};", running.0).into_bytes());
            reply.extend_from_slice(after.get(FIELD.len()..).unwrap_or_default());
            reply
        }
        None => gdb_reply.to_vec(),
    }
}

/// Whether the reply to `request` says nothing but what the stop has told: who runs. Then the list need not be read.
pub fn is_known(request: &Request, snapshot: &Snapshot) -> bool {
    match request {
        Request::CurrentThread | Request::MoreThreadIds => true,
        Request::SelectThread { thread, .. } | Request::ThreadAlive(thread) => {
            thread.is_none_or(|id| id == snapshot.running)
        }
        _ => false,
    }
}

/// The reply to a request about threads; `None` if it is about something else.
pub fn answer(request: &Request, snapshot: &Snapshot) -> Option<Vec<u8>> {
    let threads = &snapshot.threads;
    Some(match request {
        Request::CurrentThread => format!("QC{:x}", snapshot.running.0).into_bytes(),
        Request::SelectThread { thread, .. } | Request::ThreadAlive(thread) => {
            let is_there =
                thread.is_none_or(|id| id == snapshot.running || threads.find(id).is_some());
            if is_there { OK } else { NO_SUCH_THREAD }.to_vec()
        }
        Request::ThreadIds => ids(threads),
        Request::MoreThreadIds => b"l".to_vec(),
        Request::ThreadExtraInfo(id) => match threads.find(id.unwrap_or(snapshot.running)) {
            Some(thread) => to_hex(in_words(thread).as_bytes()),
            None => NO_SUCH_THREAD.to_vec(),
        },
        Request::Read {
            document: Document::Threads,
            part: Part { offset, length },
        } => reply::part(xml(threads).as_bytes(), *offset, *length),
        _ => return None,
    })
}

/// `m` and the ids of all threads: a packet holds more than we show.
fn ids(threads: &Threads) -> Vec<u8> {
    let ids: Vec<String> = threads
        .list
        .iter()
        .map(|thread| format!("{:02x}", thread.id.0))
        .collect();
    format!("m{}", ids.join(",")).into_bytes()
}

/// `idle: ready, priority 0`, for a GDB that does not read the list as a document.
fn in_words(thread: &Thread) -> String {
    if thread.state.is_empty() {
        return thread.name.clone();
    }
    format!("{}: {}", thread.name, thread.state)
}

fn xml(threads: &Threads) -> String {
    let mut xml = "<?xml version=\"1.0\"?>\n<threads>\n".to_owned();
    for thread in &threads.list {
        let id = thread.id.0;
        let name = escaped(&thread.name);
        // Writing to a String cannot fail.
        let _ = match thread.state.as_str() {
            "" => writeln!(xml, "<thread id=\"{id:x}\" core=\"0\" name=\"{name}\"/>"),
            state => writeln!(
                xml,
                "<thread id=\"{id:x}\" core=\"0\" name=\"{name}\">{}</thread>",
                escaped(state)
            ),
        };
    }
    xml.push_str("</threads>\n");
    xml
}

/// Names come from the target.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            c => safe.push(c),
        }
        safe
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threads::Context;

    fn snapshot() -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.running = ThreadId(0x2000_0200);
        snapshot.threads.running = snapshot.running;
        snapshot.threads.list = [(0x2000_0200, "a<b"), (0x2000_0300, "idle")]
            .map(|(id, name)| Thread {
                id: ThreadId(id),
                name: name.to_owned(),
                state: "ready".to_owned(),
                context: Context::live(),
            })
            .to_vec();
        snapshot
    }

    fn said(request: &Request) -> String {
        let reply = answer(request, &snapshot()).unwrap_or_default();
        String::from_utf8_lossy(&reply).into_owned()
    }

    #[test]
    fn names_cannot_break_the_document() {
        let whole = Request::Read {
            document: Document::Threads,
            part: Part {
                offset: 0,
                length: 1000,
            },
        };
        assert_eq!(
            said(&whole),
            "l<?xml version=\"1.0\"?>\n<threads>\n\
             <thread id=\"20000200\" core=\"0\" name=\"a&lt;b\">ready</thread>\n\
             <thread id=\"20000300\" core=\"0\" name=\"idle\">ready</thread>\n</threads>\n"
        );
    }

    #[test]
    fn a_thread_that_is_gone_is_not_alive() {
        assert_eq!(said(&Request::ThreadIds), "m20000200,20000300");
        assert_eq!(said(&Request::CurrentThread), "QC20000200");
        let alive = |id| said(&Request::ThreadAlive(Some(ThreadId(id))));
        assert_eq!(alive(0x2000_0300), "OK");
        assert_eq!(alive(0x2000_0400), "E03");
        assert!(!is_known(
            &Request::ThreadAlive(Some(ThreadId(0x2000_0300))),
            &snapshot()
        ));
        assert!(is_known(
            &Request::ThreadAlive(Some(ThreadId(0x2000_0200))),
            &snapshot()
        ));
    }

    #[test]
    fn a_stop_names_the_thread() {
        let reply = with_thread(b"T05thread:01;hwbreak:;", ThreadId(0x2000_0200));
        assert_eq!(reply, b"T05thread:20000200;hwbreak:;");
        assert_eq!(
            with_thread(b"T05thread:01;", ThreadId::CORE),
            b"T05thread:01;"
        );
        assert_eq!(stopped(ThreadId::CORE), b"T05thread:1;");
    }
}
