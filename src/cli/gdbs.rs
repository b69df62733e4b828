//! The GDBs of this machine: what they are called, how new they are, and whether they know the Cortex-M7.

use std::process::{Command, Stdio};

/// GDBs that know the Cortex-M7, as distributions and vendors call them, the likeliest first.
pub const NAMES: [&str; 3] = ["gdb-multiarch", "arm-none-eabi-gdb", "gdb"];

/// What a GDB says of itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Gdb {
    /// How it is called.
    pub program: &'static str,
    /// The first line of `--version`.
    pub version: String,
    /// It has been built for this architecture too.
    pub knows_arm: bool,
}

impl Gdb {
    /// `GNU gdb (Debian 13.1-3) 13.1`: what comes last counts.
    pub fn major(&self) -> Option<u32> {
        let last = self.version.split_whitespace().last()?;
        last.split('.').next()?.parse().ok()
    }
}

/// Those on PATH; each is asked when it is looked at.
pub fn on_path() -> impl Iterator<Item = Gdb> {
    NAMES.into_iter().filter_map(ask)
}

fn ask(program: &'static str) -> Option<Gdb> {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(program);
        let output = command.args(arguments).stdin(Stdio::null()).output().ok()?;
        let told = [output.stdout, output.stderr].concat();
        Some((output.status, String::from_utf8_lossy(&told).into_owned()))
    };
    let (status, told) = run(&["--version"])?;
    let version = told.lines().next().filter(|_| status.success())?;
    let (_, answer) = run(&["-nx", "-batch", "-ex", "set architecture armv7e-m"])?;
    Some(Gdb {
        program,
        version: version.to_owned(),
        knows_arm: !answer.contains("Undefined item"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_distributions_write_them() {
        for (version, expected) in [
            ("GNU gdb (Debian 13.1-3) 13.1", Some(13)),
            ("GNU gdb (GDB) 18.1.0.post1", Some(18)),
            (
                "GNU gdb (Arm GNU Toolchain 13.2.rel1) 13.2.90.20231008-git",
                Some(13),
            ),
            ("", None),
            ("something else", None),
        ] {
            let gdb = Gdb {
                program: NAMES[0],
                version: version.to_owned(),
                knows_arm: true,
            };
            assert_eq!(gdb.major(), expected, "{version}");
        }
    }
}
