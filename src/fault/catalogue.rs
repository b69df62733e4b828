//! Every code, once: errno, disposition, title, meaning, remedy. `explain` and docs/errors.md are made from this table.
//!
//! XG00x link and probe, XG01x window, XG02x boot stage, XG03x flash and loaders, XG04x breakpoint and watchpoint units,
//! XG05x images, XG06x requests of a client, XG07x configuration and command line, XG08x what the core ran into.

use std::fmt;

use super::{Disposition, Errno};

/// One row of the catalogue.
#[derive(Debug)]
pub struct Entry {
    /// The errno for clients without text errors.
    pub errno: Errno,
    /// Whether the session survives.
    pub disposition: Disposition,
    /// A few words.
    pub title: &'static str,
    /// What it means and how one gets there.
    pub meaning: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

macro_rules! codes {
    ($($name:ident $errno:ident $disposition:ident $title:literal $meaning:literal $remedy:literal;)*) => {
        /// Stable code of a fault. Codes are never reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $(#[doc = $title] $name,)* }

        impl Code {
            /// All codes in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The row of the catalogue.
            pub const fn entry(self) -> &'static Entry {
                match self {
                    $(Self::$name => &Entry {
                        errno: Errno::$errno,
                        disposition: Disposition::$disposition,
                        title: $title,
                        meaning: $meaning,
                        remedy: $remedy,
                    },)*
                }
            }

            /// `XG012`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

codes! {
    XG001 Eio EndSession "link lost"
        "The probe or the target no longer answers: unplugged, unpowered, or another program took the probe."
        "check cable and power of the board, then connect again; the server still listens";
    XG002 Eio Refuse "transfer refused"
        "A debug-port transfer was answered by FAULT or WAIT for longer than the limit; the link itself was recovered."
        "read `monitor why` for the address; `monitor reset halt` brings the core to a known state";
    XG003 Enoent Refuse "no such probe"
        "No probe matches --probe, or it may not be opened (udev rule, another program)."
        "`xspi-gdb probes` lists what is there; see docs/real-board.md for the udev rule";
    XG004 Eperm Refuse "debug access denied"
        "The product state or the debug authentication of the chip denies the access port that reaches the core."
        "only a chip in product state OPEN can be debugged; regress it with the vendor's tool if you hold the keys";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownCode {
                text: text.to_owned(),
            })
    }
}

/// There is no such code.
#[derive(Debug, thiserror::Error)]
#[error("there is no fault code `{text}`")]
pub struct UnknownCode {
    text: String,
}
