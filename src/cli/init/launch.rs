//! Launch configurations of STM32CubeIDE (`.launch`): what they load, and a copy that uses our server.
//!
//! Their type is ST's own, not CDT's, and so are the keys: `loadList` and `cubeprog_external_loaders` hold JSON. With `startServer` off the IDE
//! connects to the port that is named, and does everything else as before. The copy differs in that, in what is downloaded (the boot
//! stage is not: it lies there already, and our server would refuse it), and in nothing else.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use roxmltree::Document;
use serde_json::Value;

use super::{eclipse, survey::Survey, templates::in_xml};
use crate::gdb::server::DEFAULT_PORT;

/// The type that is understood.
const TYPE: &str = "com.st.stm32cube.ide.mcu.debug.launch.launchConfigurationType";
const LOAD_LIST: &str = "com.st.stm32cube.ide.mcu.debug.launch.loadList";
const LOADERS: &str = "com.st.stm32cube.ide.mcu.debug.launch.cubeprog_external_loaders";
const START_SERVER: &str = "com.st.stm32cube.ide.mcu.debug.launch.startServer";
const RESET_STRATEGY: &str = "com.st.stm32cube.ide.mcu.debug.stlink.reset_strategy";
const PORT: &str = "org.eclipse.cdt.debug.gdbjtag.core.portNumber";
const PROGRAM: &str = "org.eclipse.cdt.launch.PROGRAM_NAME";

/// What stands for ours in the name of a copy.
const OURS: &str = " (xspi-gdb).launch";

/// A launch configuration of ST's type.
#[derive(Debug)]
pub struct Launch {
    /// The file.
    pub file: PathBuf,
    /// The program that is debugged, as a path in the user's project.
    pub program: PathBuf,
    /// File names of external loaders that are enabled.
    pub loaders: Vec<String>,
    /// It attaches to what runs, as those for a secure boot do: nothing is reset, nothing downloaded.
    pub attaches: bool,
    text: String,
}

impl Launch {
    /// Every one in a project that is not a copy of ours.
    pub fn all(survey: &Survey) -> Vec<Self> {
        let files = survey.ending("launch");
        files
            .filter(|file| !file.to_string_lossy().ends_with(OURS))
            .filter_map(|file| Self::parse(file, survey.text(file)?))
            .collect()
    }

    fn parse(file: &Path, text: String) -> Option<Self> {
        let document = eclipse::parse(&text)?;
        if document.root_element().attribute("type") != Some(TYPE) {
            return None;
        }
        let value = |key| Some(attribute(&document, key)?.0.to_owned());
        let folder = file.parent()?;
        let placed = |path: &str| folder.join(path.replace('\\', "/"));
        let program = placed(&value(PROGRAM)?);
        let items = items(value(LOAD_LIST));
        let attaches = value(RESET_STRATEGY).as_deref() == Some("no_reset")
            && !items.iter().any(|item| truth(item, "fDownload"));
        Some(Self {
            file: file.to_owned(),
            loaders: loaders(value(LOADERS)),
            attaches,
            program,
            text,
        })
    }

    /// The name of the copy, beside the original.
    pub fn our_file(&self) -> PathBuf {
        let stem = self.file.file_stem().unwrap_or_default().to_string_lossy();
        self.file.with_file_name(format!("{stem}{OURS}"))
    }

    /// The copy for our server; nothing if the file lacks what has to be changed.
    pub fn ours(&self) -> Option<String> {
        let document = eclipse::parse(&self.text)?;
        let place = |key| attribute(&document, key).map(|(_, place)| place);
        let mut edits = vec![
            (place(START_SERVER)?, "false".to_owned()),
            (place(PORT)?, DEFAULT_PORT.to_string()),
            (place(LOADERS)?, "[]".to_owned()),
        ];
        let (list, list_at) = attribute(&document, LOAD_LIST)?;
        edits.push((list_at, self.our_load_list(list)?));
        for key in [
            "com.st.stm32cube.ide.mcu.debug.launch.ip_address_local",
            "org.eclipse.cdt.debug.gdbjtag.core.ipAddress",
        ] {
            edits.extend(place(key).map(|place| (place, "localhost".to_owned())));
        }
        // The server verifies what it programs.
        let verify = place("com.st.stm32cube.ide.mcu.debug.launch.verify_flash_download");
        edits.extend(verify.map(|place| (place, "false".to_owned())));
        edits.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
        let mut text = self.text.trim_start_matches('\u{feff}').to_owned();
        for (place, value) in edits {
            text.replace_range(place, &in_xml(&value));
        }
        Some(text)
    }

    /// The program is downloaded, unless the original only attaches, and nothing else is.
    fn our_load_list(&self, list: &str) -> Option<String> {
        let mut list: Value = serde_json::from_str(list).ok()?;
        for item in list.get_mut("fItems")?.as_array_mut()? {
            let is_program = truth(item, "fIsFromMainTab");
            let download = is_program && !self.attaches;
            item.as_object_mut()?
                .insert("fDownload".to_owned(), Value::Bool(download));
        }
        serde_json::to_string(&list).ok()
    }
}

/// The value of a key, and its place in the text.
fn attribute<'a>(document: &'a Document<'_>, key: &str) -> Option<(&'a str, Range<usize>)> {
    let mut nodes = document.descendants();
    let node = nodes.find(|node| node.attribute("key") == Some(key))?;
    let value = node.attribute_node("value")?;
    Some((value.value(), value.range_value()))
}

fn items(list: Option<String>) -> Vec<Value> {
    let list: Option<Value> = list.and_then(|text| serde_json::from_str(&text).ok());
    let items = list.and_then(|list| list.get("fItems")?.as_array().cloned());
    items.unwrap_or_default()
}

fn loaders(list: Option<String>) -> Vec<String> {
    let list: Option<Vec<Value>> = list.and_then(|text| serde_json::from_str(&text).ok());
    let enabled = list.unwrap_or_default().into_iter();
    enabled
        .filter(|loader| truth(loader, "fIsEnabled"))
        .filter_map(|loader| {
            let path = loader.get("fLoaderPath")?.as_str()?;
            path.rsplit(['/', '\\']).next().map(str::to_owned)
        })
        .collect()
}

fn truth(item: &Value, key: &str) -> bool {
    item.get(key).and_then(Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration as STM32CubeIDE writes it, in short.
    fn original(strategy: &str, download: bool) -> String {
        let list = format!(
            r#"{{"fItems":[{{"fIsFromMainTab":true,"fPath":"Debug/A.elf","fDownload":{download}}},{{"fIsFromMainTab":false,"fPath":"Debug\\B.elf","fDownload":{download}}}]}}"#
        );
        let mut text = format!("<?xml version=\"1.0\"?>\n<launchConfiguration type=\"{TYPE}\">\n");
        for (key, value) in [
            (START_SERVER, "true"),
            (PORT, "61234"),
            (
                LOADERS,
                r#"[{"fLoaderPath":"x/L.stldr","fIsEnabled":true},{"fLoaderPath":"M.stldr","fIsEnabled":false}]"#,
            ),
            (LOAD_LIST, list.as_str()),
            (RESET_STRATEGY, strategy),
            (PROGRAM, "Debug/A.elf"),
            ("kept", "a & b"),
        ] {
            text += &format!(
                "    <stringAttribute key=\"{key}\" value=\"{}\"/>\n",
                in_xml(value)
            );
        }
        text + "</launchConfiguration>\n"
    }

    fn launch(strategy: &str, download: bool) -> Launch {
        let file = Path::new("Appli/A Debug.launch");
        Launch::parse(file, original(strategy, download)).expect("a configuration")
    }

    fn copy(launch: &Launch) -> Launch {
        Launch::parse(&launch.our_file(), launch.ours().expect("a copy")).expect("a configuration")
    }

    #[test]
    fn the_copy_starts_no_server_and_downloads_the_program_only() {
        let launch = launch("connect_under_reset", true);
        assert_eq!(launch.loaders, ["L.stldr"]);
        assert_eq!(launch.program, Path::new("Appli/Debug/A.elf"));
        let copy = copy(&launch);
        assert_eq!(copy.file, Path::new("Appli/A Debug (xspi-gdb).launch"));
        assert!(copy.loaders.is_empty());
        let document = eclipse::parse(&copy.text).expect("a document");
        let value = |key| attribute(&document, key).expect("the key").0;
        assert_eq!(
            (value(START_SERVER), value(PORT), value("kept")),
            ("false", "3333", "a & b")
        );
        let items = items(Some(value(LOAD_LIST).to_owned()));
        let downloads: Vec<bool> = items.iter().map(|item| truth(item, "fDownload")).collect();
        assert_eq!(downloads, [true, false]);
    }

    #[test]
    fn lines_that_are_not_ours_are_kept_to_the_letter() {
        let launch = launch("connect_under_reset", true);
        let ours = launch.ours().expect("a copy");
        let changed = launch
            .text
            .lines()
            .zip(ours.lines())
            .filter(|(own, our)| own != our);
        assert_eq!(changed.count(), 4);
    }

    #[test]
    fn a_copy_of_one_that_attaches_attaches_too() {
        let launch = launch("no_reset", false);
        assert!(launch.attaches);
        assert!(copy(&launch).attaches);
    }

    #[test]
    fn what_is_no_such_configuration_is_passed_over() {
        let deep = "<a>".repeat(10_000);
        for text in [
            "",
            "<a",
            "<launchConfiguration/>",
            deep.as_str(),
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
        ] {
            assert!(Launch::parse(Path::new("a.launch"), text.to_owned()).is_none());
        }
    }
}
