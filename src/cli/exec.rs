//! `xspi-gdb exec`: a server for one client.

use std::{
    ffi::OsString,
    net::{Ipv4Addr, SocketAddr},
    process::{ExitCode, ExitStatus},
    thread,
};

use anyhow::Context as _;
use tokio::process::Command;

use super::{Failure, Outcome, client_host::ClientHost, target::Target};
use crate::{
    fault::Fault,
    gdb::{Options, Server, event_loop::Ending, events::Events, server::Interrupt},
    platform,
    session::Session,
};

/// What stands for the port in the client's arguments.
const PORT: &str = "{port}";

/// Scripts that a client runs find the port here.
const PORT_VARIABLE: &str = "XSPI_GDB_PORT";

/// Start a server on a free port, run a client with `{port}` replaced, and end with its exit code.
///
/// The port is in the client's environment too, as XSPI_GDB_PORT. Ctrl-C is the client's; SIGTERM ends it, and then the server.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb exec --probe virtual -- gdb-multiarch -batch -ex 'target extended-remote :{port}' -ex 'monitor help'
  xspi-gdb exec -- gdb-multiarch -batch -ex 'target extended-remote :{port}' -ex load -ex 'break main' build/appli.elf")]
pub struct Exec {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    host: ClientHost,
    /// The client and its arguments.
    #[arg(last = true, required = true, value_name = "CLIENT")]
    client: Vec<OsString>,
}

impl Exec {
    pub(super) fn run(self) -> Outcome {
        let target = self.target.for_clients(self.host);
        let session = target.open()?.session()?;
        let server = listen()?;
        let port = server.address().port().to_string();
        let mut words = self.client.into_iter().map(|word| with_port(word, &port));
        let mut client = Command::new(words.next().unwrap_or_default());
        client.args(words).env(PORT_VARIABLE, &port);
        serve_for(server, session, move || target.open()?.session(), client)
    }
}

/// Replaces `{port}`; an argument that is no text is none of ours.
fn with_port(word: OsString, port: &str) -> OsString {
    match word.to_str() {
        Some(text) => text.replace(PORT, port).into(),
        None => word,
    }
}

/// A silent server on a free port, which leaves Ctrl-C to the client.
pub(super) fn listen() -> Result<Server, Fault> {
    Ok(Server::listen(Options {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        events: Events::Silent,
        interrupt: Interrupt::IsTheClients,
        ..Options::default()
    })?)
}

/// Serves until `client` ends, and ends as it did. If the server is told to end first, the client is ended too.
pub(super) fn serve_for<O>(
    server: Server,
    session: Session,
    mut reopen: O,
    mut client: Command,
) -> Outcome
where
    O: FnMut() -> Result<Session, Fault> + Send + 'static,
{
    let name = client.as_std().get_program().to_string_lossy().into_owned();
    let ending = server.ending();
    let watcher = thread::spawn(move || {
        let outcome = watch(&mut client, &ending);
        ending.request();
        outcome
    });
    let mut first = Some(session);
    let served = server.serve(move || match first.take() {
        Some(session) => Ok(session),
        None => reopen(),
    });
    let ended = watcher
        .join()
        .map_err(|_| anyhow::anyhow!("the thread that watched `{name}` panicked"))?
        .with_context(|| format!("cannot run `{name}`"))?;
    served.map_err(Failure::from)?;
    Ok(ExitCode::from(platform::exit_code(ended)))
}

/// Runs the client to its end; if the server is told to end first, the client is ended.
#[tokio::main(flavor = "current_thread")]
async fn watch(client: &mut Command, ending: &Ending) -> std::io::Result<ExitStatus> {
    let mut client = client.spawn()?;
    tokio::select! {
        status = client.wait() => status,
        () = ending.requested() => {
            client.kill().await?;
            client.wait().await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_put_in_wherever_it_is_asked_for() {
        assert_eq!(
            with_port("target remote :{port}".into(), "4242"),
            OsString::from("target remote :4242")
        );
    }
}
