//! One to eight clients: one steps, the others ask at each stop what a live watch asks, and for the registers.

use serde::{Deserialize, Serialize};

use crate::{
    chart::{self, Axis, Chart},
    served::Served,
    support::rsp::Client,
};

/// Clients that a server takes.
const MOST: usize = 8;
const STEPS: usize = 64;
/// AXI SRAM that the program does not use.
const MEMORY: u32 = 0x2402_0000;

/// Exchanges a step, with everything that is asked behind it.
#[derive(Serialize, Deserialize)]
pub struct Count {
    clients: usize,
    /// All look at the same 64 bytes.
    same_memory: f64,
    /// Each looks at 64 bytes of its own.
    own_memory: f64,
    /// What another client that comes then costs; it is refused where there are eight.
    another: usize,
    another_is_refused: bool,
}

pub fn measure() -> Vec<Count> {
    let of_count = |clients| {
        let (same_memory, ..) = exchanges_a_step(clients, 0);
        let (own_memory, another, another_is_refused) = exchanges_a_step(clients, 0x1000);
        let count = Count {
            clients,
            same_memory,
            own_memory,
            another,
            another_is_refused,
        };
        println!("{}", serde_json::to_string(&count).expect("figures"));
        count
    };
    (1..=MOST).map(of_count).collect()
}

fn exchanges_a_step(clients: usize, apart: u32) -> (f64, usize, bool) {
    let mut served = Served::start();
    let mut looking: Vec<Client> = (1..clients)
        .map(|_| Client::connect(served.server.port))
        .collect();
    for client in &mut looking {
        assert!(client.ask("?").starts_with("T05"));
    }
    let mut step = |served: &mut Served| {
        let stop = served.client.ask("vCont;s:1");
        // What GDB reads: the instruction, and the stack.
        for (register, bytes) in [("0f", 4), ("0d", 64)] {
            let address = expedited(&stop, register) & !3;
            served.client.ask(&format!("m{address:x},{bytes:x}"));
        }
        for (client, number) in looking.iter_mut().zip(0..) {
            assert_eq!(client.ask("g").len(), 8 * 19);
            let address = MEMORY + number * apart;
            assert_eq!(client.ask(&format!("m{address:x},40")).len(), 128);
        }
    };
    step(&mut served);
    let before = served.exchanges();
    for _ in 0..STEPS {
        step(&mut served);
    }
    let stepped = served.exchanges();
    let mut another = Client::bare(served.server.port);
    let refused = another
        .ask("qSupported:error-message+")
        .starts_with("E.XG063");
    let exchanges = (stepped - before) as f64 / STEPS as f64;
    (exchanges, served.exchanges() - stepped, refused)
}

/// A register that the stop reply carries.
fn expedited(stop: &str, register: &str) -> u32 {
    let fields = stop.split([';', ':']).collect::<Vec<_>>();
    let at = fields.iter().position(|field| *field == register);
    let digits = fields[at.expect("the register") + 1];
    u32::from_str_radix(digits, 16)
        .expect("digits")
        .swap_bytes()
}

pub fn section(counts: &[Count]) -> String {
    let chart = Chart {
        name: "clients",
        title: "Exchanges a step, with what every client asks behind it",
        x: Axis {
            title: "clients",
            from: 1.0,
            to: MOST as f64,
            base: 2.0,
            label: chart::plain,
        },
        y: Axis {
            title: "exchanges a step",
            from: 1.0,
            to: 100.0,
            base: 10.0,
            label: chart::plain,
        },
    };
    let curve = |of: fn(&Count) -> f64| {
        counts
            .iter()
            .map(|count| (count.clients as f64, of(count)))
            .collect()
    };
    let curves = [
        (
            "each looks at memory of its own",
            curve(|count| count.own_memory),
        ),
        (
            "all look at the same memory",
            curve(|count| count.same_memory),
        ),
    ];
    let [alone, two, .., all] = counts else {
        return String::new();
    };
    let about = format!(
        "A block of memory is read once a halt, whoever asks: what all look at costs what one costs. Each block of another client's own adds {} \
         exchanges. The step from one client to two is that block, and the registers of `g`, which every stop fetches once somebody is there who \
         may ask for them while the program runs: {:.1} exchanges together. The ninth client is refused (XG063), at {} exchanges.\n",
        chart::plain(&((all.own_memory - two.own_memory) / 6.0)),
        two.same_memory - alone.same_memory,
        all.another,
    );
    ["### Number of clients\n", &chart.draw(&curves), &about].join("\n")
}
