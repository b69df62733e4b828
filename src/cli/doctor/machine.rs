//! What of this machine a debug session needs: a GDB that knows ARM, a probe that may be opened, the port.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::Path,
};

use super::findings::Findings;
use crate::{
    cli::gdbs::{self, Gdb},
    gdb::server::DEFAULT_PORT,
    link::connect,
    platform,
};

/// The oldest GDB that the tests run; older ones may do.
const TESTED: u32 = 13;

/// A GDB on PATH.
pub fn look_for_gdb(findings: &mut Findings) {
    let found: Vec<Gdb> = gdbs::on_path().collect();
    let remedy =
        "install gdb-multiarch (Debian, Ubuntu), or the GNU Arm toolchain's arm-none-eabi-gdb";
    let Some(gdb) = found.iter().find(|gdb| gdb.knows_arm) else {
        match found.first() {
            Some(gdb) => findings.bad(
                "gdb",
                format_args!("{} knows no ARM: {}", gdb.program, gdb.version),
                remedy,
            ),
            None => findings.bad("gdb", "no GDB is found in PATH", remedy),
        }
        return;
    };
    let told = format!("{}: {}", gdb.program, gdb.version);
    match gdb.major() {
        Some(major) if major < TESTED => findings.note(
            "gdb",
            format_args!("{told}; versions from {TESTED} on are tested"),
        ),
        _ => findings.good("gdb", told),
    }
}

/// Probes, and whether they can be opened. `named` is the one that is asked for.
pub fn look_for_probes(findings: &mut Findings, named: Option<&str>) {
    let found = connect::list();
    for probe in &found {
        let told = format!("{} {}", probe.selector, probe.name);
        match probe.try_open() {
            Ok(()) => findings.good("probe", told),
            Err(error) => findings.bad(
                "probe",
                format_args!("{told} cannot be opened: {error}"),
                platform::MAY_NOT_OPEN_PROBE,
            ),
        }
    }
    if found.is_empty() && named != Some("virtual") {
        findings.note(
            "probe",
            "none but the virtual one: a real one has to be plugged in, and docs/real-board.md has the udev rule",
        );
    }
}

/// The port that `serve` takes.
pub fn look_at_port(findings: &Findings) {
    let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, DEFAULT_PORT)) else {
        return findings.good("port", format_args!("{DEFAULT_PORT} is free"));
    };
    let owner = match owner_of(DEFAULT_PORT) {
        Some(owner) => format!("{owner} listens there"),
        None => error.to_string(),
    };
    findings.note(
        "port",
        format_args!("{DEFAULT_PORT} is taken: {owner}; `serve --port 0` takes any that is free"),
    );
}

/// Who listens on a port, where the system has a /proc that says so (proc(5): net/tcp, PID/fd). Processes of others stay unknown.
fn owner_of(port: u16) -> Option<String> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let socket = format!("socket:[{}]", listening_inode(&table, port)?);
    let processes = fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|process| {
        let number: u32 = process.file_name().to_str()?.parse().ok()?;
        let descriptors = fs::read_dir(process.path().join("fd")).ok()?;
        let mut targets = descriptors
            .flatten()
            .filter_map(|one| fs::read_link(one.path()).ok());
        targets.find(|target| target == Path::new(&socket))?;
        let name = fs::read_to_string(process.path().join("comm")).ok()?;
        Some(format!("{} (process {number})", name.trim()))
    })
}

/// `sl local_address rem_address st ... inode`: state 0A listens.
fn listening_inode(table: &str, port: u16) -> Option<&str> {
    let address = format!(":{port:04X}");
    table.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let listens = words.get(1)?.ends_with(&address) && *words.get(3)? == "0A";
        listens.then(|| words.get(9).copied()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_found_in_the_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:0D05 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n\
            1: 0100007F:0D06 0100007F:0D05 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n";
        assert_eq!(listening_inode(table, 3333), Some("4711"));
        assert_eq!(listening_inode(table, 3334), None);
        assert_eq!(listening_inode("0: 1:0D05", 3333), None);
    }

    #[test]
    fn whoever_listens_is_named() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let here = format!("(process {})", std::process::id());
        let owner = owner_of(port);
        assert!(
            !Path::new("/proc/net/tcp").exists()
                || owner.is_some_and(|owner| owner.ends_with(&here))
        );
    }
}
