//! Every code, once: errno, disposition, title, meaning, remedy. `explain` and docs/errors.md are made from this table.
//!
//! XG00x link and probe, XG01x window, XG02x boot stage, XG03x flash and loaders, XG04x breakpoints and watchpoints, and images
//! that boot stages copy or check, XG05x images, XG06x requests of a client, XG07x configuration and command line, XG08x what the core
//! ran into, XG09x loaders, XG10x threads, XG11x RTT, XG12x semihosting, XG13x headless sessions.

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
    XG005 Eio Refuse "core does not answer"
        "The core did not enter debug state, leave reset or finish a register transfer in time: it sleeps without clock, is held in reset, or hangs on the bus."
        "`monitor reset halt`; if that fails too, start the server with --under-reset";
    XG006 Eio Refuse "bus stalled"
        "An access was answered by WAIT until the debug port was told to abort it. What answers too late is most often a window whose NOR expects another protocol."
        "`monitor reset halt` recovers the bus by nRST; `monitor window` says what state the window is in";
    XG007 Eio Refuse "line disturbed"
        "The probe could not make out the target's answer: its parity was wrong, or it did not come. The debug port was synchronised again by a line reset; what the transfer did is not known."
        "repeat the command; if it happens again choose a slower clock (`--speed KHZ`), a shorter cable or a better ground";
    XG008 Eio Refuse "internal flash is damaged"
        "The error correction of a word of internal flash fails, so that reading it is a bus error: power or reset came in the middle of an erase or a program."
        "`xspi-gdb boot install FILE` erases what is damaged and programs the boot stage again";
    XG009 Eio Refuse "target does not answer"
        "The probe was opened, but the debug port of the chip did not answer it: the board has no power, the cable is not in the right place, the program has taken the pins PA13 and PA14, or nRST is held."
        "check power and cable of the board; `--under-reset` reaches a chip whose program switches debugging off, `--speed 1000` one at the end of a long cable";
    XG010 Efault Refuse "no window there"
        "The address lies in external address space, but the board profile has no memory there: an access could hang the bus."
        "`monitor window` lists the windows of this board; a board of your own needs `--board FILE.toml`";
    XG011 Ebusy Refuse "window not read while the core runs"
        "The core runs and may be reconfiguring or writing its NOR; a read through the probe could disturb it or stall the bus."
        "halt first, or allow it with `--live-window`";
    XG012 Efault Refuse "window closed"
        "The window answers only with supply, clocks, XSPI_CR.EN = 1 and XSPI_CR.FMODE = 3, and the state that is named is in the way."
        "`monitor reset halt` or `xspi-gdb boot arm` runs the boot stage, which opens the window; `--appli FILE` lets reads be answered from the file until then";
    XG013 Eio Refuse "window stalled the bus"
        "The window is open, but the memory behind it did not answer: it expects another protocol. The access was aborted and the chip reset."
        "power-cycle the board: a NOR keeps its protocol over a warm reset";
    XG014 Eperm Refuse "NOR cannot be written like memory"
        "NOR flash is erased by sector and programmed by page; a plain write to its window does nothing good."
        "use `load`, `flash-erase` or `xspi-gdb flash FILE`";
    XG015 Eio Refuse "window answered with a bus error"
        "The window is open by its registers, but the access was refused: beyond the memory, or the memory does not answer as configured."
        "`monitor boot status` tells what the NOR holds; power-cycle the board if it expects another protocol";
    XG020 Eio Refuse "no boot stage"
        "Internal flash holds no plausible vector table: nothing would open the window after a reset."
        "`xspi-gdb boot install FILE` programs a boot stage, or give `--boot FILE --install-boot`";
    XG021 Eio Refuse "the chip boots from elsewhere"
        "The core did not start from internal flash: BOOT0 is set, or the chip starts its system bootloader."
        "set BOOT0 to 0 (on the STM32H7S78-DK: SW1 to the left) and reset";
    XG022 Eio Refuse "boot stage faulted"
        "The boot stage ran into a fault before it reached the appli."
        "the headline says where (`--boot FILE.elf` adds the function); `monitor reset boot` halts at the boot stage's first instruction to debug it";
    XG023 Eio Refuse "boot stage does not arrive"
        "The boot stage runs on without reaching the appli: usually it waits for a flag that never comes."
        "the headline says where it is and which register it reads (`--boot FILE.elf` adds the function); `monitor reset boot` halts at its first instruction; `--boot-timeout` allows it more time";
    XG024 Eio Refuse "no valid image in the NOR"
        "The boot stage opened the window and found no image it would start."
        "`load` or `xspi-gdb flash FILE` programs the appli";
    XG025 Eio Refuse "another image was started"
        "The boot stage jumped, but not to the vectors that were waited for."
        "give the `--appli` that the boot stage starts, or link yours where the boot stage jumps to";
    XG026 Eio Refuse "reset loop"
        "A watchdog resets the chip before the boot stage has reached the appli."
        "stop the watchdog in the boot stage or feed it there; an IWDG started by option byte (IWDG_HW) starts with the chip";
    XG027 Eio Refuse "NOR does not answer as configured"
        "The window is open, but what it reads is no memory: the NOR is in another protocol, or still busy after a warm reset."
        "`monitor boot arm --reset-nor` brings the NOR back into its power-on protocol (on the command line `boot arm --reset-nor`), or power-cycle the board: a NOR keeps its protocol over a warm reset";
    XG028 Eperm Refuse "product state forbids it"
        "The chip's product state is not OPEN: the debugger may not use flash and windows."
        "only a chip in product state OPEN can be debugged; regress it with the vendor's tool if you hold the keys";
    XG029 Eperm Refuse "internal flash is protected"
        "Write protection, hide protection or a root of trust keeps the boot stage from being replaced; this server never changes option bytes."
        "if the boot stage is to be replaced, remove the protection with the vendor's tool first; `load` of an appli needs no change there";
    XG030 Eio Refuse "erase failed"
        "A sector was not erased: the flash routine reported it, or did not come back in time."
        "`monitor why` tells what the core did; run the same `load` or `xspi-gdb flash` again, and power-cycle the board if it fails again";
    XG031 Eio Refuse "programming failed"
        "A page was not programmed: the flash routine reported it, or did not come back in time."
        "`monitor why` tells what the core did; run the same `load` or `xspi-gdb flash` again, and power-cycle the board if it fails again";
    XG032 Eio Refuse "verification failed"
        "The flash does not hold what was programmed."
        "run the same `load` or `xspi-gdb flash` again; if the same address fails, the flash is worn, write-protected, or not the one of this board profile";
    XG033 Eio Refuse "loader failed"
        "The flash routine did not start, crashed or did not come back, before anything was erased."
        "check that `--board` names this very board: the routine drives its pins and its NOR; power-cycle the board";
    XG034 Enospc Refuse "loader does not fit"
        "The flash routine is unknown, or its code, stack and buffers do not fit into the chip's RAM."
        "check algorithm and RAM sizes in the board profile";
    XG035 Eperm Refuse "internal flash left alone"
        "The request would change internal flash, where the boot stage lives, and that was not allowed."
        "if you mean it: `--install-boot`, or `xspi-gdb boot install FILE`; nothing was changed";
    XG036 Eio Refuse "programming was cancelled"
        "The work was stopped between two operations; what was being programmed may be there in part."
        "run the same `load` or `xspi-gdb flash` again: what is already programmed is not programmed twice";
    XG037 Eio Refuse "earlier programming was not finished"
        "The last time this board was programmed the work ended in the middle; the range that is named may be erased or half programmed."
        "run the same `load`, `xspi-gdb flash` or `xspi-gdb boot install` again";
    XG038 Efault Refuse "not in a flash of the board"
        "Something is to be erased or programmed outside internal flash and NOR windows."
        "check the addresses the program is linked at against `monitor window`; an appli that the boot stage copies to RAM needs `--boot-mode lrun`";
    XG039 Eperm Refuse "encrypted window"
        "The boot stage has switched on a memory cipher engine (MCE) for the window: what the core reads there was deciphered, and a loader writes past the engine."
        "program the encrypted image with the vendor's tool, or install a boot stage that leaves the engine off (`xspi-gdb boot install FILE`)";
    XG040 Enospc Refuse "no breakpoint unit free"
        "Code in flash or in a window can be stopped at only by a breakpoint unit of the core, and all of them are taken."
        "delete one of the breakpoints that hold the units (`info breakpoints`)";
    XG041 Enospc Refuse "no watchpoint unit free"
        "Data can be watched only by a watchpoint unit of the core, and all of them are taken."
        "delete one of the watchpoints that hold the units (`info watchpoints`)";
    XG042 Einval Refuse "not watchable"
        "A watchpoint unit compares an address with its low bits ignored: it covers a power of two of bytes, aligned to that size. Other sizes take several units, and there are four."
        "watch one member or element instead of the whole (`watch -location`)";
    XG043 Einval Refuse "breakpoint unit too old"
        "Only revision 2 of the breakpoint unit compares whole addresses; revision 1 ends at 0x1FFFFFFF, before any window. No STM32H7RS has it."
        "check that --board names the board that is connected";
    XG044 Enospc Refuse "copied too little"
        "A load-and-run boot stage copies a fixed number of bytes from the NOR to RAM, and the appli has more: code or data would be missing after the next reset."
        "make the boot stage copy more (ST: EXTMEM_LRUN_SOURCE_SIZE) and `lrun` say so, or make the appli smaller";
    XG045 Einval Refuse "image without a header"
        "The boot stage checks a header (boot mode `signed`); an appli without one would leave the header of the image before, and would not be started."
        "make the image (`imgtool sign --header-size 0x400 --pad-header ...`) and name it: `--image FILE@ADDRESS`, or `image` in xspi-gdb.toml";
    XG046 Eio Refuse "image refused by the boot stage"
        "The NOR holds an image with an MCUboot header, and the boot stage did not start it: wrong signature or hash, an older version than allowed, or a boot stage that knows no headers."
        "sign the image again with the key of this boot stage and flash it whole (`--image FILE@ADDRESS`); set `boot-mode` to what the boot stage does";
    XG047 Einval Refuse "stale image"
        "The signed or padded image (`--image`) was not made of the appli as it is now; nothing was changed."
        "make the image again (`imgtool sign ...`) after each build, then load";
    XG048 Eio Refuse "condition not evaluated"
        "The condition of a breakpoint, or what a dprintf prints, could not be found out where it was hit, so the program was stopped there."
        "correct the condition (`condition NUMBER EXPRESSION`), or let GDB evaluate all of them by itself: `set breakpoint condition-evaluation host`, `set dprintf-style gdb`";
    XG050 Enoent Refuse "image not readable"
        "The file does not exist or may not be read."
        "check the path";
    XG051 Einval Refuse "image of unknown form"
        "ELF and Intel HEX are told by their content; any other file needs the address it belongs to."
        "write FILE@ADDRESS, for example `appli.bin@0x70000000`";
    XG052 Einval Refuse "image damaged"
        "The file contradicts itself: cut off, overlapping, or with impossible sizes."
        "build it again; `readelf -lW FILE` shows the segments of an ELF";
    XG053 Einval Refuse "image for another processor"
        "The ELF file is not for a 32-bit little-endian Arm core."
        "give the file that was linked for the target";
    XG055 Einval Refuse "vectors where the boot stage does not look"
        "The appli's vector table is at another address of the window than the one the boot stage starts."
        "link the appli's vectors to where the boot stage jumps, or install a boot stage that jumps there";
    XG056 Einval Refuse "appli linked elsewhere"
        "The appli has no code where this board executes one: in a NOR window, or where the boot stage copies it (`lrun`)."
        "link it to the window's base (`monitor window`), choose the board it was linked for with `--board`, or say `--boot-mode lrun` if the boot stage copies it to RAM";
    XG057 Einval Refuse "no boot stage in the file"
        "The file stores no vector table at the beginning of internal flash, or stores something outside it: it is not what a core starts from."
        "give the boot stage's ELF or HEX; an appli is programmed with `load` or `xspi-gdb flash FILE`";
    XG060 Ebusy Refuse "core is running"
        "Registers, and memory that has no live access, can be reached only while the core is halted."
        "interrupt the program first (Ctrl-C, the pause button, or `monitor halt` where GDB does not know that it runs)";
    XG061 Einval Refuse "no such register"
        "The client asked for a register number that the target description does not have."
        "`maintenance flush register-cache`, then connect again so that GDB reads the target description anew";
    XG062 Einval Refuse "packet not understood"
        "A packet of the remote protocol was damaged, too long, or said something impossible. It was refused, nothing else happened."
        "a program that is no debugger may talk to this port; if it was GDB, `set debug remote 1` shows the packet";
    XG063 Eperm Refuse "another client controls the target"
        "Several clients may be connected: the first controls the target, the others read memory and the registers of the last halt."
        "close the first client and connect again, or give the command there";
    XG064 Einval Refuse "unknown monitor command"
        "`monitor` takes the commands that `monitor help` lists, with the names that other servers give them."
        "`monitor help` lists the commands";
    XG065 Einval Refuse "arguments not understood"
        "A monitor command was given words or numbers that it does not take."
        "`monitor help` shows what each command takes";
    XG066 Einval Refuse "non-stop mode"
        "In non-stop mode some threads run while others are stopped. A core halts as a whole."
        "`set non-stop off` and connect again";
    XG067 Ebusy Refuse "not while this is under way"
        "The core runs, flash is being programmed or the boot stage is on its way: what was asked for is not available now."
        "ask again when it is done; memory inside the chip can be read at any time";
    XG068 Eio Refuse "request could not be served"
        "The protocol machine met a packet that it should have been able to serve. That is a defect of the server; the session goes on."
        "`set debug remote 1` shows the packet: please report it with that log";
    XG069 Eio Refuse "cannot listen"
        "The server could not open its port: another server has it, or the address is not this computer's."
        "choose another port with --port, or 0 for any free one";
    XG070 Enoent Refuse "unknown board"
        "There is no built-in profile of that name."
        "name a known board, or give the path of a profile: `--board FILE.toml`";
    XG071 Einval Refuse "board profile not valid"
        "The profile cannot be read or contradicts itself."
        "compare it with profiles/stm32h7s78-dk.toml";
    XG072 Einval Refuse "configuration not valid"
        "The configuration file cannot be read, or has a setting that does not exist."
        "every key is an option of the command line without its dashes: `xspi-gdb serve --help` lists them";
    XG073 Einval Refuse "board not named"
        "A real probe says which chip is there, but not which board: the wrong loader or boot stage can harm one."
        "name it with `--board stm32h7s78-dk`, or in xspi-gdb.toml";
    XG074 Eio Refuse "virtual board's state file"
        "The file that keeps the virtual board's memories cannot be read or written."
        "check the path given to --virtual-state, or delete the file to begin with a blank board";
    XG075 Einval Refuse "another chip"
        "Registers, resets and flash routines are those of STM32H7RS and STM32H7S; the chip that is named is none of them, or not known."
        "give probe-rs's name of the chip, for example `--chip STM32H7S7L8`; a board's profile names it already";
    XG076 Enoent Refuse "no project to set up"
        "`init` finds no project that it knows, finds several, or cannot read or write in its folder."
        "name the folder of one project: a Cargo package, or the folder with the .ioc file of a CubeMX project";
    XG079 Eio Refuse "file not writable"
        "A file that an option names for output cannot be made."
        "check the path, and that its folder exists and may be written";
    XG080 Eio Refuse "HardFault"
        "The core took a HardFault: a fault escalated, a vector could not be read, or a debug event had no debugger."
        "`backtrace` shows where; the console line at the stop decodes the cause";
    XG081 Eio Refuse "MemManage fault"
        "The MPU refused an access or a fetch."
        "compare the address with the MPU regions of boot stage and appli";
    XG082 Eio Refuse "BusFault"
        "The bus refused an access or a fetch: nothing is there, or a clock, a supply or a window is off."
        "for an address in a window, `monitor window` says whether it is open";
    XG083 Eio Refuse "UsageFault"
        "An instruction was undefined, in an invalid state, without its coprocessor, unaligned, or divided by zero."
        "`x/i $pc` in the faulting frame; for a coprocessor fault, enable the FPU in CPACR before it is used";
    XG084 Eio Refuse "lockup"
        "The core faulted while it handled a HardFault or NMI and stopped executing."
        "`monitor reset halt`; look at the stack pointer and the vector table";
    XG085 Eio Refuse "unexpected reset"
        "The core was reset while the program ran: a watchdog, the reset button, a supply dip, or the program itself."
        "`monitor reset halt` goes to the appli's start again; where the headline names no cause, RCC_RSR showed none that was not there before";
    XG090 Einval Refuse "no loader in the file"
        "The file named by --loader is damaged, for another processor, or no loader: it has neither ST's StorageInfo nor the FlashDevice of a CMSIS-Pack."
        "give an ST external loader (.stldr, or the ELF file that it was made from), or `--loader own`";
    XG091 Einval Refuse "loader incomplete"
        "The file is a loader, but a function or a figure that is needed is missing."
        "use another loader; `--loader own` is built in";
    XG092 Einval Refuse "loader for another flash"
        "The loader serves other addresses than the flash that is to be programmed, or erases in larger pieces than the board profile's sectors."
        "`xspi-gdb loader info FILE` tells what it serves; give the loader of this very board";
    XG093 Eio Refuse "loader crashed"
        "The loader ran into a fault, or stopped somewhere else than at its return. It was stopped, and the chip was reset."
        "check that the loader is for this very board (`xspi-gdb loader info FILE`); `--loader own` tells whether it is the loader or the board";
    XG094 Eio Refuse "loader does not return"
        "A call of the loader took longer than the loader itself says it may: the flash never gets ready, or the loader waits for something that never comes. It was stopped, and the chip was reset."
        "power-cycle the board and try again; `--loader own` tells whether it is the loader or the board";
    XG095 Eio Refuse "loader reports what is not so"
        "The loader returned success, but the flash was looked at independently and holds something else."
        "use another loader (`--loader own`); if the same address fails with that too, the flash is worn or write-protected";
    XG096 Eio Refuse "loader overran its stack"
        "The loader wrote below the stack that it was given, over its own code or data, so that nothing it reports can be believed."
        "the loader needs more stack than such loaders have: use another one (`--loader own`), and tell us about this one";
    XG097 Eio Refuse "loader changed a neighbour"
        "The loader erased or programmed a sector that it was not asked to change. What the sector held was kept beforehand, and was put back where possible."
        "use another loader (`--loader own`); where the headline says that contents are lost, program what belongs there again";
    XG100 Efault Refuse "threads not readable"
        "The lists in which the appli's kernel keeps its threads are damaged, or were being changed when the core halted. Threads that could be found are shown."
        "step on and look again; if it stays so, something overwrites the kernel's memory: `watch` the variable that is named";
    XG101 Ebusy Refuse "another thread runs"
        "The core is one: it executes the thread that its kernel has switched to. Another thread's registers can be looked at, but it cannot be stepped."
        "`tbreak *$pc` in that thread and `continue` stop it where it goes on";
    XG102 Einval Refuse "not of this thread"
        "There is no such thread any more, or its kernel has not saved that register: FP registers of a thread that has not used them, its stack pointer, and those that all threads share."
        "`info threads` lists the threads; `thread` with the number of the one that runs has all registers";
    XG110 Eio Refuse "RTT control block damaged"
        "What describes the RTT buffers contradicts itself: the program has overwritten it, or it lies in memory that something else uses. Nothing is read or written by it; it is looked at again from time to time."
        "look at who writes there (`watch` on the address that is named); a reset sets the block up anew";
    XG111 Enoent Refuse "no RTT control block"
        "The program's ELF has no symbol `_SEGGER_RTT`, or nothing lies there yet, or RAM was scanned without success: the program does not use RTT, has not come so far, or keeps the block outside the chip's RAM."
        "let the program run past its start; `--appli` names its ELF, `monitor rtt setup ADDRESS SIZE` where to look";
    XG112 Einval Refuse "no such RTT channel"
        "The program has set up fewer RTT channels."
        "`monitor rtt channels` lists what there is";
    XG113 Einval Refuse "RTT not started"
        "Nobody has asked for RTT yet."
        "`monitor rtt start`, or start the server with `--rtt-port`";
    XG114 Einval Refuse "defmt cannot be decoded"
        "The texts of defmt's log lines are in the program's ELF. They are of a version that this tool does not know, or contradict themselves; or the format that lines are to have cannot be read. The channel is shown as it is."
        "build the program with one version of defmt 0.3 or 1, and its linker script `defmt.x`; or use a newer version of this tool";
    XG120 Enoent Refuse "no directory for semihosting"
        "The directory that the program may have its files in, by semihosting, is not there or cannot be opened."
        "make the directory, or name another one with --semihosting-dir";
    XG130 Einval Refuse "session file not valid"
        "The file that `session` was given cannot be read or is no session: JSON that ends too early, a step or a field that does not exist. Nothing was done to the target."
        "correct it at the line and column that are named; docs/session.schema.json says what is allowed, and editors check against it";
    XG131 Enoent Refuse "no such place"
        "A step names a function, variable or register that does not exist, or more than one of that name."
        "compare the name with what `nm -C` lists for the appli; where several items have a name, give the path, as in `appli::timers::start`";
    XG132 Eio Refuse "expectation not met"
        "A step of a session expects a value, a place or a stop, and found another."
        "the program is not as the session expects it, or the session is out of date";
    XG133 Eio Refuse "timed out"
        "What a step of a session waited for did not happen in the target's time that the step allows. The core was halted where it was."
        "look at the pc that is named; if the program only needs longer, raise the step's limit in milliseconds";
    XG134 Eio Refuse "session interrupted"
        "Ctrl-C or SIGTERM ended a headless session. The steps of `finally` have run."
        "run it again";
    XG135 Einval Refuse "value and type do not fit"
        "A value that a session writes is out of the range of its type, or is none; or a place is to be read of which no size is known."
        "give the step a type by `as` that holds the value";
    XG136 Ebusy Refuse "probe in use"
        "Another process of xspi-gdb has the probe. The headline says which process, and how it was started."
        "end the other process, wait for it with `--wait-for-probe SECONDS`, or name another probe";
    XG137 Eio Refuse "power cycle failed"
        "The board was to be switched off and on. There is no command for that, or it could not be run, failed, or took too long."
        "give --power-cycle-cmd COMMAND (or `power-cycle-cmd` in xspi-gdb.toml) a command that does it and ends with 0; try it by hand";
}

impl Code {
    /// No reset reaches what is wrong: a NOR that is busy or speaks another protocol, a debug port that is gone. Power off and on does.
    pub fn is_mended_by_power(self) -> bool {
        matches!(
            self,
            Self::XG001 | Self::XG013 | Self::XG027 | Self::XG030 | Self::XG031 | Self::XG094
        )
    }
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
