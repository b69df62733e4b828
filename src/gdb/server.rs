//! The server as a whole: a port, the thread that owns the session, and what happens when the link is lost.

use std::{
    borrow::Cow,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as StdListener},
    thread,
};

use tokio::{net::TcpListener, runtime, sync::mpsc};

use super::{
    company::{self, Company},
    event_loop::{self, ClientId, Ending, INBOX_MESSAGES, Message, Outgoing, Signals},
    events::{Event, Events},
    owner::{End, Owner},
    program_console::ProgramConsole,
    rtt::{FirstPorts, Ports},
    text_port::{self, Port, Stream},
};
use crate::{
    fault::{Code, Explain, Fault},
    rtt::Place,
    session::Session,
};

/// The port on which debuggers expect a server of their own.
pub const DEFAULT_PORT: u16 = 3333;

/// How a server is set up.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where to listen; port 0 is any free one.
    pub address: SocketAddr,
    /// Where events go.
    pub events: Events,
    /// Whose Ctrl-C in the terminal is.
    pub interrupt: Interrupt,
    /// Ports for RTT's channels.
    pub rtt: Option<FirstPorts>,
    /// Port for the program's console; 0 is any free one.
    pub console: Option<u16>,
}

/// What SIGINT means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interrupt {
    /// The server ends.
    #[default]
    Ends,
    /// It is meant for the client that shares our terminal.
    IsTheClients,
}

impl Default for Options {
    /// On this computer only: whoever reaches the port can program the board.
    fn default() -> Self {
        Self {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT),
            events: Events::default(),
            interrupt: Interrupt::default(),
            rtt: None,
            console: None,
        }
    }
}

/// The server could not begin.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ListenError {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

impl ListenError {
    pub(super) fn new(address: SocketAddr, source: io::Error) -> Self {
        Self { address, source }
    }
}

impl Explain for ListenError {
    fn code(&self) -> Code {
        Code::XG069
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        None
    }
}

/// A server that listens and serves nobody yet.
#[derive(Debug)]
pub struct Server {
    options: Options,
    runtime: runtime::Runtime,
    listener: TcpListener,
    address: SocketAddr,
    rtt: Vec<StdListener>,
    console: Option<StdListener>,
    signals: Signals,
    ending: Ending,
}

impl Server {
    /// Takes the port and catches the signals that end it. Clients may connect from now on; they are served once [`Server::serve`]
    /// runs.
    pub fn listen(options: Options) -> Result<Self, ListenError> {
        let failed = |source| ListenError {
            address: options.address,
            source,
        };
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let listener = runtime
            .block_on(TcpListener::bind(options.address))
            .map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let rtt = match options.rtt {
            Some(ports) => ports.listen(options.address.ip())?,
            None => Vec::new(),
        };
        let console = options
            .console
            .map(|port| text_port::listen(SocketAddr::new(options.address.ip(), port)));
        let signals = {
            let _context = runtime.enter();
            Signals::catch(options.interrupt).map_err(failed)?
        };
        Ok(Self {
            options,
            runtime,
            listener,
            address,
            rtt,
            console: console.transpose()?,
            signals,
            ending: Ending::default(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What tells it to end.
    pub fn ending(&self) -> Ending {
        self.ending.clone()
    }

    /// Opens the session, says that it is ready, and serves until it is told to end (SIGTERM, SIGINT, SIGHUP or
    /// [`Ending::request`]). A lost link is opened anew for the next client.
    pub fn serve<O>(self, mut open: O) -> Result<(), Fault>
    where
        O: FnMut() -> Result<Session, Fault> + Send + 'static,
    {
        let Self {
            options,
            runtime,
            listener,
            address,
            rtt,
            console,
            signals,
            ending,
        } = self;
        let session = open()?;
        let (sender, inbox) = mpsc::channel(INBOX_MESSAGES);
        let mut company = Company::new(inbox, ending.clone(), options.events);
        let (handle, replies) = (runtime.handle().clone(), sender.downgrade());
        let mut ports = Ports::new(handle, replies, address.ip(), options.events);
        ports.place = options.rtt.map(|_| Place::Automatic);
        options.events.tell(&Event::Listening {
            address,
            port: address.port(),
        });
        for (channel, listener) in (0..).zip(rtt) {
            ports.adopt(channel, listener)?;
        }
        company.rtt = Some(Box::new(ports));
        if let Some(listener) = console {
            let (runtime, replies) = (runtime.handle(), sender.downgrade());
            let port = Port::serve(listener, Stream::Console, runtime, replies)
                .map_err(|source| ListenError { address, source })?;
            let address = port.address();
            options.events.tell(&Event::Console {
                address,
                port: address.port(),
            });
            company.console = Some(Box::new(ProgramConsole::new(port)));
        }
        let owner = thread::Builder::new()
            .name("session".to_owned())
            .spawn(move || own(session, company, open))
            .map_err(|source| ListenError { address, source })?;
        runtime
            .block_on(event_loop::accept(listener, sender, ending, signals))
            .map_err(|source| ListenError { address, source })?;
        if owner.join().is_err() {
            tracing::error!("the thread that owns the session panicked");
        }
        Ok(())
    }
}

/// Owns one session after the other.
fn own<O>(session: Session, company: Company, mut open: O)
where
    O: FnMut() -> Result<Session, Fault>,
{
    let mut owner = Owner::new(session, company);
    while let End::LinkLost(company, why) = owner.run() {
        match reopen(company, why, &mut open) {
            Some(next) => owner = next,
            None => return,
        }
    }
}

/// Waits for the next client and opens a session for it, which is told `why` the last one ended. A client for which that fails is
/// sent away with the reason, and the next may try.
fn reopen<O>(mut company: Company, why: Option<Fault>, open: &mut O) -> Option<Owner>
where
    O: FnMut() -> Result<Session, Fault>,
{
    tracing::warn!("the link is lost; the next client to connect opens it again");
    loop {
        let (client, replies) = next_client(&mut company)?;
        match open() {
            Ok(mut session) => {
                if let Some(why) = why {
                    session.journal().record(why);
                }
                company.join(client, replies);
                return Some(Owner::new(session, company));
            }
            Err(fault) => {
                tracing::error!("{fault}");
                company.events.tell(&Event::from(&fault));
                company::turn_away(&replies, &fault);
            }
        }
    }
}

/// The next client to connect; `None` if the server is told to end first.
fn next_client(company: &mut Company) -> Option<(ClientId, mpsc::UnboundedSender<Outgoing>)> {
    loop {
        if company.ending.is_requested() {
            return None;
        }
        if let Message::Joined { client, replies } = company.next()? {
            return Some((client, replies));
        }
    }
}
