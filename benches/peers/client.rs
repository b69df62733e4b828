//! GDB in batch mode on a script, and the marks in it: at a mark GDB waits (`shell`) until the bench has looked at the counters.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// The argument with which this program, started by GDB, reports a mark.
pub const MARK: &str = "mark";
/// What GDB says before it tells which command of a script failed.
const FAILED: &str = "Error in sourced command file:";

/// What GDB is to do, and how long it may take.
pub struct Script<'a> {
    /// GDB's commands; [`prologue`] goes before them.
    pub commands: &'a str,
    /// With the debug information.
    pub elf: &'a Path,
    pub folder: &'a Path,
    pub limit: Duration,
}

/// A place in a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// What follows counts.
    Begin,
    /// The target runs and GDB has nothing to do.
    Idle,
    /// So many units of the work are done.
    Counted(u32),
}

/// What every script begins with: settings, and the words for marks.
fn prologue(marks: u16) -> Result<String> {
    let program = env::current_exe()?;
    let report = format!("'{}' {MARK} {marks}", program.display());
    Ok(format!(
        "set pagination off\nset confirm off\nset width 0\nset breakpoint pending off\nset remotetimeout 120\n\
         define start-counting\n  shell {report} begin\nend\n\
         define stay-idle\n  shell {report} idle\nend\n\
         define counted\n  eval \"shell {report} counted %d\", $arg0\nend\n"
    ))
}

/// Runs GDB to its end. Each mark is given to `at_mark`; GDB goes on when that returns.
pub fn run(script: &Script<'_>, mut at_mark: impl FnMut(Mark) -> Result<()>) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let marks = listener.local_addr()?.port();
    let file = script.folder.join("script.gdb");
    fs::write(&file, prologue(marks)? + script.commands)?;
    let mut gdb = Command::new("gdb-multiarch")
        .args(["-q", "-nx", "-batch", "-x"])
        .arg(&file)
        .arg(script.elf)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("gdb-multiarch does not start: `scripts/setup.sh bench` installs it")?;
    let said = read(gdb.stdout.take().expect("piped"));
    let complained = read(gdb.stderr.take().expect("piped"));
    let outcome = attend(&mut gdb, &listener, script.limit, &mut at_mark);
    // It has ended by itself unless it came to nothing.
    let _ = gdb.kill();
    let _ = gdb.wait();
    let said = said.join().unwrap_or_default();
    let complained = complained.join().unwrap_or_default();
    fs::write(
        script.folder.join("gdb.log"),
        format!("{said}\n--- standard error\n{complained}"),
    )?;
    outcome?;
    match complained.split_once(FAILED) {
        Some((_, why)) => bail!("{}", why.trim().lines().next().unwrap_or(FAILED)),
        None => Ok(()),
    }
}

fn read(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came until then is what there is.
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn attend(
    gdb: &mut Child,
    listener: &TcpListener,
    limit: Duration,
    at_mark: &mut impl FnMut(Mark) -> Result<()>,
) -> Result<()> {
    let deadline = Instant::now() + limit;
    loop {
        match listener.accept() {
            Ok((stream, _)) => answer(stream, at_mark)?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if gdb.try_wait()?.is_some() {
                    return Ok(());
                }
                if Instant::now() > deadline {
                    bail!("no answer in {} s", limit.as_secs());
                }
                thread::sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn answer(stream: TcpStream, at_mark: &mut impl FnMut(Mark) -> Result<()>) -> Result<()> {
    stream.set_nonblocking(false)?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    let mark = match line.trim().split_once(' ').unwrap_or((line.trim(), "")) {
        ("begin", _) => Mark::Begin,
        ("idle", _) => Mark::Idle,
        ("counted", units) => Mark::Counted(units.parse()?),
        _ => bail!("a mark that nobody knows: {line}"),
    };
    at_mark(mark)?;
    (&stream).write_all(b"\n")?;
    Ok(())
}

/// This program as GDB's `shell` starts it: tells the bench of a mark and waits until it may go on.
pub fn report(arguments: &[String]) -> Result<()> {
    let (port, words) = arguments.split_first().context("a port and a mark")?;
    let mut stream = TcpStream::connect(("127.0.0.1", port.parse()?))?;
    writeln!(stream, "{}", words.join(" "))?;
    stream.read_exact(&mut [0])?;
    Ok(())
}
