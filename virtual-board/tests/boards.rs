//! Other boards than the STM32H7S78-DK: probe-rs's flasher programs the NOR of each with the algorithm of ST that it ships for it, and
//! a board that is nowhere but in a file runs.

mod common;
#[path = "common/target.rs"]
mod target;

use probe_rs::{Permissions, Session, flashing::DownloadOptions};
use target::target;
use virtual_board::{
    board::{Board, Description, XspiPort},
    handle::VirtualBoard,
};

/// A board, and who programs its NOR.
struct Case {
    board: &'static str,
    algorithm: &'static str,
    window: XspiPort,
    part: &'static str,
}

const NUCLEO: Case = Case {
    board: "nucleo-h7s3l8",
    algorithm: "mx25uw25645g_stm32h7s38-nucleo",
    window: XspiPort::Xspi2,
    part: "MX25UW25645G",
};
const SWAPPED: Case = Case {
    board: "stm32h7s78-dk-swapped",
    algorithm: "mx66uw1g45g_stm32h7s78-dk-xspim1",
    window: XspiPort::Xspi1,
    part: "MX66UW1G45G",
};

fn made(name: &str) -> VirtualBoard {
    let description = Description::find(name).expect("known");
    VirtualBoard::new(Board::builder().board(description).build().expect("blank"))
}

fn attach(board: &VirtualBoard, window: u32) -> Session {
    let chip = board.with(|board| board.description().chip().to_owned());
    board
        .open()
        .attach(
            target(&chip, window.into()),
            Permissions::new().allow_erase_all(),
        )
        .expect("attached")
}

fn programs_its_nor(case: &Case) {
    let board = made(case.board);
    let window = case.window.window();
    let mut session = attach(&board, window);
    let data: Vec<u8> = (0..10_000u32).map(|at| (at % 251) as u8).collect();
    let mut loader = session.target().flash_loader();
    let address = u64::from(window) + 0x2_0000;
    loader
        .add_data(address, &data)
        .expect("the window is flash");
    let mut options = DownloadOptions::default();
    options.preferred_algos = vec![case.algorithm.to_owned()];
    loader.commit(&mut session, options).expect("programmed");

    let mut contents = vec![0; data.len()];
    board.with(|board| {
        board.nor_contents(0x2_0000, &mut contents);
        assert_eq!(board.nor().part().name, case.part);
    });
    assert!(contents == data);
    assert_eq!(board.with(|board| board.nor_wear()).erased_sectors, 1);
}

#[test]
fn probe_rs_programs_the_nor_of_the_nucleo() {
    programs_its_nor(&NUCLEO);
}

#[test]
fn probe_rs_programs_the_nor_behind_swapped_ports() {
    programs_its_nor(&SWAPPED);
}

#[test]
fn a_board_in_a_file_has_its_own_memories_and_lights() {
    let folder = std::env::temp_dir().join(format!("virtual-board-boards-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let part = include_str!("../parts/w25q128jv-im.toml").replace("W25Q128JV-IM", "MY-NOR");
    std::fs::write(folder.join("my-nor.toml"), part).expect("a file");
    let path = folder.join("mine.toml");
    let text = "name = \"mine\"\nchip = \"STM32H7R7L8\"\nconsole = \"usart3\"\n\
                [[memory]]\nport = 2\nchip_select = 2\npart = \"my-nor.toml\"\n\
                [[led]]\nname = \"D1\"\npin = \"PG7\"\nlit = \"low\"\n";
    std::fs::write(&path, text).expect("a file");
    let description = Description::find(path.to_str().expect("a path")).expect("valid");
    std::fs::remove_dir_all(&folder).expect("ours");
    let board = Board::builder().board(description).build().expect("blank");
    assert_eq!(board.nor().part().name, "MY-NOR");
    assert_eq!(board.description().name(), "mine");
    assert_eq!(board.leds(), [false]);
}
