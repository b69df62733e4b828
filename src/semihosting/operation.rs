//! The operations and their numbers (Semihosting, 7: "Semihosting operations").

use std::fmt;

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident $number:literal $word:literal;)*) => {
        /// What a program asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Operation { $($(#[$doc])* $name,)* }

        impl Operation {
            /// By the number in r0.
            pub fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }
        }

        /// As Arm calls it.
        impl fmt::Display for Operation {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $word,)* })
            }
        }
    };
}

operations! {
    /// Opens a file, the console, or the list of features.
    Open 0x01 "SYS_OPEN";
    /// Closes it.
    Close 0x02 "SYS_CLOSE";
    /// Shows a character.
    WriteCharacter 0x03 "SYS_WRITEC";
    /// Shows a text that ends with NUL.
    WriteText 0x04 "SYS_WRITE0";
    /// Writes to a file or the console.
    Write 0x05 "SYS_WRITE";
    /// Reads from one.
    Read 0x06 "SYS_READ";
    /// Waits for a character.
    ReadCharacter 0x07 "SYS_READC";
    /// Whether a result means an error.
    IsError 0x08 "SYS_ISERROR";
    /// Whether a handle is the console.
    IsTerminal 0x09 "SYS_ISTTY";
    /// Goes to a place in a file.
    Seek 0x0A "SYS_SEEK";
    /// The length of a file.
    Length 0x0C "SYS_FLEN";
    /// A name for a temporary file.
    TemporaryName 0x0D "SYS_TMPNAM";
    /// Removes a file.
    Remove 0x0E "SYS_REMOVE";
    /// Gives it another name.
    Rename 0x0F "SYS_RENAME";
    /// Hundredths of a second since the program began.
    Clock 0x10 "SYS_CLOCK";
    /// Seconds since 1970.
    Time 0x11 "SYS_TIME";
    /// Runs a command on the host.
    System 0x12 "SYS_SYSTEM";
    /// Why the last operation failed.
    Errno 0x13 "SYS_ERRNO";
    /// The program's arguments.
    CommandLine 0x15 "SYS_GET_CMDLINE";
    /// Where heap and stack are.
    HeapInfo 0x16 "SYS_HEAPINFO";
    /// Ends.
    Exit 0x18 "SYS_EXIT";
    /// Ends with a code.
    ExitExtended 0x20 "SYS_EXIT_EXTENDED";
    /// Ticks since the program began.
    Elapsed 0x30 "SYS_ELAPSED";
    /// How many of them a second.
    TickFrequency 0x31 "SYS_TICKFREQ";
}
