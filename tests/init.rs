//! `xspi-gdb init` on small projects made here: what is found, what is written, and that `doctor` takes it.

mod support;

use std::{fs, path::PathBuf};

use support::{
    firmware,
    server::{Ran, Scratch, binary, ran},
};

/// A project's folder, made of texts and files.
struct Tree(Scratch);

impl Tree {
    fn new() -> Self {
        Self(Scratch::new())
    }

    fn root(&self) -> PathBuf {
        self.0.file("")
    }

    /// A file with a text, in folders that are made for it.
    fn with(self, file: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = self.0.file(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, contents).expect("a file");
        self
    }

    /// A file of firmware/prebuilt under another name.
    fn with_firmware(self, file: &str, prebuilt: &str) -> Self {
        let contents = fs::read(firmware(prebuilt)).expect("a prebuilt file");
        self.with(file, contents)
    }

    /// The subproject of STM32CubeIDE in `folder`.
    fn with_eclipse(
        self,
        folder: &str,
        name: &str,
        nature: &str,
        board: &str,
        script: &str,
    ) -> Self {
        let class = "com.st.stm32cube.ide.mcu.gnu.managedbuild";
        self.with(
            &format!("{folder}/.project"),
            format!("<projectDescription><name>{name}</name><natures><nature>com.st.{nature}ProjectNature</nature></natures></projectDescription>"),
        )
        .with(
            &format!("{folder}/.cproject"),
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n<?fileVersion 4.0.0?><cproject>\
                 <option superClass=\"{class}.option.target_mcu\" value=\"STM32H7S7L8HxH\"/>\
                 <option superClass=\"{class}.option.target_board\" value=\"{board}\"/>\
                 <option superClass=\"{class}.tool.c.linker.option.script\" value=\"${{workspace_loc:/${{ProjName}}/{script}}}\"/></cproject>"
            ),
        )
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.file(file)).expect("a file")
    }

    fn has(&self, file: &str) -> bool {
        self.0.file(file).exists()
    }

    fn init(&self, arguments: &[&str]) -> Ran {
        let mut command = binary();
        command.arg("init").args(arguments).current_dir(self.root());
        ran(command)
    }

    #[track_caller]
    fn initialized(&self, arguments: &[&str]) -> String {
        let ran = self.init(arguments);
        assert!(ran.status.success(), "{}{}", ran.stdout, ran.stderr);
        ran.stdout
    }

    /// `doctor` on what was written, with the virtual board.
    fn doctor(&self) -> Ran {
        let mut command = binary();
        command
            .args(["doctor", "--probe", "virtual", "--virtual-time", "lockstep"])
            .current_dir(self.root());
        ran(command)
    }

    /// The settings that hold.
    fn settings(&self) -> toml::Table {
        self.read("xspi-gdb.toml").parse().expect("TOML")
    }
}

/// Where STM32CubeIDE keeps the keys that matter.
fn launch(program: &str) -> String {
    let list = format!(
        "{{&quot;fItems&quot;:[{{&quot;fIsFromMainTab&quot;:true,&quot;fPath&quot;:&quot;{program}&quot;,&quot;fDownload&quot;:true}},\
         {{&quot;fIsFromMainTab&quot;:false,&quot;fPath&quot;:&quot;Debug/p_Boot.elf&quot;,&quot;fDownload&quot;:true}}]}}"
    );
    let st = "com.st.stm32cube.ide.mcu.debug";
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n<launchConfiguration type=\"{st}.launch.launchConfigurationType\">\n\
         <stringAttribute key=\"{st}.launch.cubeprog_external_loaders\" value=\"[{{&quot;fLoaderPath&quot;:&quot;p.stldr&quot;,&quot;fIsEnabled&quot;:true}}]\"/>\n\
         <stringAttribute key=\"{st}.launch.loadList\" value=\"{list}\"/>\n\
         <booleanAttribute key=\"{st}.launch.startServer\" value=\"true\"/>\n\
         <stringAttribute key=\"{st}.stlink.reset_strategy\" value=\"connect_under_reset\"/>\n\
         <intAttribute key=\"org.eclipse.cdt.debug.gdbjtag.core.portNumber\" value=\"61234\"/>\n\
         <stringAttribute key=\"org.eclipse.cdt.launch.PROGRAM_NAME\" value=\"{program}\"/>\n</launchConfiguration>\n"
    )
}

/// A CubeMX project for STM32CubeIDE with its three subprojects built.
fn cube_project() -> Tree {
    Tree::new()
        .with("p.ioc", "#MicroXplorer Configuration settings - do not modify\nMcu.CPN=STM32H7S7L8H6H\nPN0.Mode=XSPI2_Port2Octo\nboard=custom\n")
        .with("Boot/Core/Inc/stm32_extmem_conf.h", "#define EXTMEM_MEMORY_BOOTXIP  EXTMEMORY_1\n")
        .with("Boot/Core/Src/extmem_manager.c", "  extmem_list_config[0].Handle = (void*)&hxspi2;\n")
        .with("Appli/X.ld", "MEMORY {\n FLASH (xrw) : ORIGIN = 0x70000000, LENGTH = 128M\n}\n")
        .with_eclipse("Appli", "p_Appli", "MCUAppli", "STM32H7S78-DK", "X.ld")
        .with_eclipse("Boot", "p_Boot", "MCUBoot", "STM32H7S78-DK", "Y.ld")
        .with_eclipse("ExtMemLoader", "p_ExtMemLoader", "MCUExtMemLoader", "genericBoard", "Z.ld")
        .with("Appli/p_Appli Debug.launch", launch("Debug/p_Appli.elf"))
        .with("Boot/p_Boot.launch", launch("Debug/p_Boot.elf"))
        .with_firmware("Appli/Debug/p_Appli.elf", "appli.elf")
        .with_firmware("Boot/Debug/p_Boot.elf", "boot.elf")
        .with_firmware("ExtMemLoader/Debug/p_ExtMemLoader.elf", "loader.elf")
}

#[test]
fn a_project_of_stm32cubeide_is_set_up() {
    let tree = cube_project();
    let original = tree.read("Appli/p_Appli Debug.launch");
    let told = tree.initialized(&[]);
    let settings = tree.settings();
    for (key, value) in [
        ("board", "stm32h7s78-dk"),
        ("boot-mode", "xip"),
        ("appli", "Appli/Debug/p_Appli.elf"),
        ("boot", "Boot/Debug/p_Boot.elf"),
        ("loader", "ExtMemLoader/Debug/p_ExtMemLoader.elf"),
    ] {
        assert_eq!(settings[key].as_str(), Some(value), "{told}");
    }
    assert!(!settings.contains_key("probe"), "a probe is not guessed");
    assert_eq!(tree.read("Appli/p_Appli Debug.launch"), original);
    let copy = tree.read("Appli/p_Appli Debug (xspi-gdb).launch");
    assert!(
        copy.contains("startServer\" value=\"false\"") && copy.contains("\"3333\""),
        "{copy}"
    );
    assert!(
        !tree.has("Boot/p_Boot (xspi-gdb).launch"),
        "the boot stage's own stays alone"
    );
    let vscode = tree.read(".vscode/launch.json");
    assert!(
        vscode.contains("${workspaceFolder}/Appli/Debug/p_Appli.elf"),
        "{vscode}"
    );
    for file in ["tasks.json", "gdb-whole-lines", "xspi-gdb-as-openocd"] {
        assert!(tree.has(&format!(".vscode/{file}")), "{file}");
    }
    let doctor = tree.doctor();
    assert!(
        doctor.stdout.contains("ok     board      stm32h7s78-dk"),
        "{}",
        doctor.stdout
    );
    assert!(
        doctor.stdout.contains("p_ExtMemLoader.elf"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn files_that_are_there_are_kept_unless_forced() {
    let tree = cube_project().with("xspi-gdb.toml", "board = \"mine\"\n");
    let told = tree.initialized(&[]);
    assert!(told.contains("kept     xspi-gdb.toml"), "{told}");
    assert_eq!(tree.read("xspi-gdb.toml"), "board = \"mine\"\n");
    let forced = tree.initialized(&["--force"]);
    assert!(
        forced.contains("wrote    xspi-gdb.toml, in place"),
        "{forced}"
    );
    assert_eq!(tree.settings()["board"].as_str(), Some("stm32h7s78-dk"));
}

#[test]
fn a_dry_run_writes_nothing() {
    let tree = cube_project();
    let told = tree.initialized(&["--dry-run"]);
    assert!(told.contains("would write xspi-gdb.toml"), "{told}");
    assert!(!tree.has("xspi-gdb.toml"));
}

#[test]
fn a_cargo_package_that_executes_in_place_is_set_up() {
    let tree = Tree::new()
        .with("Cargo.toml", "[package]\nname = \"blinky\"\n[dependencies]\nembassy-stm32 = { version = \"1\", features = [\"stm32h7s3l8\"] }\n")
        .with(".cargo/config.toml", "[target.thumbv7em-none-eabihf]\nrunner = \"probe-rs run --chip STM32H7S3L8Hx\"\n[build]\ntarget = \"thumbv7em-none-eabihf\"\n")
        .with("memory.x", "MEMORY\n{\n  FLASH : ORIGIN = 0x70000000, LENGTH = 32M\n  RAM : ORIGIN = 0x24000000, LENGTH = 456K\n}\n");
    let told = tree.initialized(&[]);
    let settings = tree.settings();
    assert_eq!(
        settings["appli"].as_str(),
        Some("target/thumbv7em-none-eabihf/debug/blinky"),
        "{told}"
    );
    assert!(!settings.contains_key("board"), "a chip is not a board");
    assert!(
        tree.read("xspi-gdb.toml")
            .contains("\n# board = \"nucleo-h7s3l8\"\n")
    );
    assert!(told.contains("not built yet"), "{told}");
    assert!(
        told.contains(
            "`cargo run` calls probe-rs run --chip STM32H7S3L8Hx; with `runner = \"xspi-gdb run\"`"
        ),
        "{told}"
    );
    let named = tree.initialized(&["--force", "--board", "nucleo-h7s3l8"]);
    assert_eq!(
        tree.settings()["board"].as_str(),
        Some("nucleo-h7s3l8"),
        "{named}"
    );
}

#[test]
fn a_cargo_package_that_was_built_has_its_newest_elf() {
    let tree = Tree::new()
        .with("Cargo.toml", "[package]\nname = \"blinky\"\n")
        .with_firmware("target/thumbv7em-none-eabihf/release/blinky", "appli.elf");
    let told = tree.initialized(&["--board", "stm32h7s78-dk"]);
    let appli = tree.settings()["appli"].clone();
    assert_eq!(
        appli.as_str(),
        Some("target/thumbv7em-none-eabihf/release/blinky"),
        "{told}"
    );
}

#[test]
fn a_cargo_package_in_ram_has_its_copy_left_open() {
    let tree = Tree::new()
        .with("Cargo.toml", "[package]\nname = \"blinky\"\n")
        .with(
            "memory.x",
            "MEMORY { FLASH : ORIGIN = 0x24000000, LENGTH = 64K }\n",
        );
    tree.initialized(&[]);
    let written = tree.read("xspi-gdb.toml");
    assert!(written.contains("# boot-mode = \"lrun\""), "{written}");
    assert!(
        written.contains("destination = 0x24000000, size = 0x10000"),
        "{written}"
    );
}

#[test]
fn a_boot_stage_that_copies_says_what() {
    let tree = Tree::new()
        .with("p.ioc", "Mcu.CPN=STM32H7S3L8H6\nboard=NUCLEO-H7S3L8\n")
        .with(
            "Boot/Inc/stm32_extmem_conf.h",
            "#define EXTMEM_LRUN_SOURCE EXTMEMORY_1\n#define EXTMEM_LRUN_SOURCE_ADDRESS  0x00000000u\n#define EXTMEM_LRUN_SOURCE_SIZE     0x00010000u\n\
             #define EXTMEM_LRUN_DESTINATION_INTERNAL  1\n#define EXTMEM_LRUN_DESTINATION_ADDRESS 0x24000000u\n",
        )
        .with("Boot/Src/extmem_manager.c", "  extmem_list_config[0].Handle = (void*)&hxspi2;\n")
        .with_firmware("Appli/Debug/p_Appli.elf", "appli-lrun.elf");
    let told = tree.initialized(&[]);
    let settings = tree.settings();
    assert_eq!(settings["boot-mode"].as_str(), Some("lrun"), "{told}");
    assert_eq!(
        settings["lrun"]["destination"].as_integer(),
        Some(0x2400_0000)
    );
    assert_eq!(settings["appli"].as_str(), Some("Appli/Debug/p_Appli.elf"));
    let doctor = tree.doctor();
    assert!(
        doctor.stdout.contains("ok     board      nucleo-h7s3l8"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn a_cmake_project_names_its_linker_script() {
    let tree = Tree::new()
        .with(
            "CMakeLists.txt",
            "target_link_options(p PRIVATE -T ${CMAKE_SOURCE_DIR}/rom1.ld)\n",
        )
        .with(
            "p.ioc",
            "Mcu.CPN=STM32H7S7L8H6H\nProjectManager.ProjectName=STM32H7S78-DK\n",
        )
        .with(
            "rom1.ld",
            "MEMORY {\n FLASH (rx) : ORIGIN = 0x90000000, LENGTH = 32M\n}\n",
        )
        .with(
            "rom2.ld",
            "MEMORY {\n FLASH (rx) : ORIGIN = 0x70000000, LENGTH = 32M\n}\n",
        );
    let told = tree.initialized(&[]);
    assert_eq!(
        tree.settings()["board"].as_str(),
        Some("stm32h7s78-dk-swapped"),
        "{told}"
    );
}

#[test]
fn no_project_and_several_are_told_apart() {
    let none = Tree::new().with("notes.txt", "nothing");
    let ran = none.init(&[]);
    assert_eq!(ran.status.code(), Some(3), "{}", ran.stdout);
    assert!(
        ran.stderr.contains("XG076") && ran.stderr.contains("no project"),
        "{}",
        ran.stderr
    );
    let several = Tree::new().with("a/a.ioc", "").with("b/b.ioc", "");
    let ran = several.init(&[]);
    assert!(ran.stderr.contains("a/a.ioc, b/b.ioc"), "{}", ran.stderr);
    let missing = none.init(&["no/such/folder"]);
    assert!(
        missing.stderr.contains("cannot read no/such/folder"),
        "{}",
        missing.stderr
    );
}

/// The clients that a project shows are in use get what they need, and no others.
#[test]
fn clients_that_are_in_use_get_their_configurations() {
    let project = || {
        Tree::new()
            .with("CMakeLists.txt", "project(blinky C)\n")
            .with_firmware("build/appli.elf", "appli.elf")
    };
    let of = |tree: &Tree| {
        let files = [
            ".run/xspi-gdb.run.xml",
            ".zed/debug.json",
            "xspi-gdb.lua",
            "xspi-gdb.launch",
            ".cargo/config.toml",
        ];
        files.map(|file| tree.has(file))
    };
    let plain = project();
    plain.initialized(&[]);
    assert_eq!(of(&plain), [false; 5]);
    let everything = project()
        .with(".idea/workspace.xml", "")
        .with(".zed/settings.json", "{}")
        .with(".nvim.lua", "")
        .with(
            ".vscode/extensions.json",
            "{ \"recommendations\": [\"ms-vscode.cmake-tools\", \"eclipse-cdt.cdt-gdb-vscode\"] }",
        );
    let told = everything.initialized(&[]);
    assert_eq!(of(&everything), [true, true, true, false, false], "{told}");
    let launch = everything.read(".vscode/launch.json");
    for configuration in ["cortex-debug", "cppdbg", "gdbtarget"] {
        assert!(
            launch.contains(&format!("\"type\": \"{configuration}\"")),
            "{launch}"
        );
    }
    assert_eq!(
        everything.read(".zed/settings.json"),
        "{}",
        "what is there stays"
    );
    assert!(told.contains("kept     .zed/settings.json"), "{told}");
}

/// What is asked for is written, and nothing else is.
#[test]
fn clients_that_are_asked_for_get_their_configurations() {
    let tree = cube_project();
    let told = tree.initialized(&["--for", "eclipse,cargo,clion"]);
    assert!(!tree.has(".vscode/launch.json"), "{told}");
    assert!(!tree.has("Appli/p_Appli Debug (xspi-gdb).launch"), "{told}");
    let launch = tree.read("Appli/xspi-gdb.launch");
    for words in ["\"Debug/p_Appli.elf\"", "\"p_Appli\"", "\"/p_Appli\""] {
        assert!(launch.contains(words), "{words}: {launch}");
    }
    let cargo: toml::Table = tree.read(".cargo/config.toml").parse().expect("TOML");
    let runner = &cargo["target"]["thumbv7em-none-eabihf"]["runner"];
    assert_eq!(runner.as_str(), Some("xspi-gdb run"));
    let unknown = tree.init(&["--for", "emacs"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("nvim-dap"), "{}", unknown.stderr);
}

/// Without an appli there is nothing to name.
#[test]
fn without_an_appli_no_launch_configuration_is_written() {
    let tree = Tree::new().with("CMakeLists.txt", "project(blinky C)\n");
    let told = tree.initialized(&["--for", "zed,cortex-debug"]);
    assert!(
        told.contains("note     launch configurations need the appli's ELF"),
        "{told}"
    );
    assert!(!tree.has(".zed/debug.json") && !tree.has(".vscode/launch.json"));
}

/// Whatever the files of a project hold, it is looked at, and what is written can be read.
#[test]
fn files_that_are_no_good_are_survived() {
    let noise: Vec<u8> = (0..4096_u32)
        .map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mut tree = Tree::new().with("Cargo.toml", "[package]\nname = \"a\\\"\\nboard = 1\"\n");
    for file in [
        "p.ioc",
        "a.launch",
        "Appli/.project",
        "Appli/.cproject",
        "Appli/x.ld",
        "memory.x",
        ".cargo/config.toml",
        "Boot/stm32_extmem_conf.h",
        "Boot/extmem_manager.c",
        "Appli/Debug/a.elf",
        "Boot/b.hex",
        "l.stldr",
    ] {
        tree = tree.with(file, &noise);
    }
    let elf = fs::read(firmware("appli.elf")).expect("a prebuilt file");
    let tree = tree.with("Appli/Debug/cut.elf", &elf[..elf.len() / 2]);
    tree.initialized(&["--board", "stm32h7s78-dk"]);
    assert_eq!(tree.settings()["board"].as_str(), Some("stm32h7s78-dk"));
}
