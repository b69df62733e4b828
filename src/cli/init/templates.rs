//! The configurations of launch-configs/, which tests replay with the real clients, with a project's own files in place of the shipped ones.
//!
//! What differs is words: the ELF files, the GDB, and lines for the shipped appli alone. Everything else is as it was tested.

use crate::cli::gdbs;

/// The shipped ELF files, as the templates name them behind the editor's word for the project's folder.
const SHIPPED_APPLI: &str = "/../../firmware/prebuilt/appli.elf";
const SHIPPED_BOOT: &str = "/../../firmware/prebuilt/boot.elf";
/// The GDB that they name.
const SHIPPED_GDB: &str = gdbs::NAMES[0];
/// Lines for the shipped appli alone have one of these.
const SHIPPED_ONLY: [&str; 2] = [
    "directory ${workspaceFolder}",
    "ources of the shipped appli",
];
/// An option of GDB for the shipped appli alone.
const SHIPPED_OPTION: &str = ", \"--directory=../..\"";

/// What stands in place of what is shipped.
#[derive(Clone, Debug)]
pub struct Own {
    /// The appli's ELF file, relative to the project's folder.
    pub appli: String,
    /// The boot stage's, if it has symbols.
    pub boot: Option<String>,
    /// The GDB.
    pub gdb: &'static str,
}

impl Own {
    /// `template` for this project; `escaped` makes a path part of a string in its language.
    pub fn text(&self, template: &str, escaped: fn(&str) -> String) -> String {
        let path = |file: &str| format!("/{}", escaped(file));
        let text = template
            .replace(SHIPPED_APPLI, &path(&self.appli))
            .replace(
                SHIPPED_BOOT,
                &path(self.boot.as_deref().unwrap_or_default()),
            )
            .replace(SHIPPED_OPTION, "")
            .replace(SHIPPED_GDB, self.gdb);
        let lines = text
            .lines()
            .filter(|line| !SHIPPED_ONLY.iter().any(|words| line.contains(words)));
        lines.map(|line| format!("{line}\n")).collect()
    }
}

/// As the inside of a string of JSON or Lua, which agree on what a path may have.
pub fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::String(text.to_owned()).to_string();
    let inside = quoted
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inside.unwrap_or_default().to_owned()
}

/// As the inside of an attribute of XML.
pub fn in_xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('\n', "&#10;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_is_replaced_and_its_lines_are_dropped() {
        let own = Own {
            appli: "a \"b\".elf".to_owned(),
            boot: None,
            gdb: "arm-none-eabi-gdb",
        };
        let template = "\
            // Where the sources of the shipped appli are.\n\
            \"directory ${workspaceFolder}/../..\",\n\
            args = [\"gdb-multiarch\", \"--quiet\", \"--directory=../..\"]\n\
            \"$X/../../firmware/prebuilt/appli.elf\"\n";
        assert_eq!(
            own.text(template, in_json),
            "args = [\"arm-none-eabi-gdb\", \"--quiet\"]\n\"$X/a \\\"b\\\".elf\"\n"
        );
    }

    #[test]
    fn a_quote_at_the_end_of_a_path_is_kept() {
        assert_eq!(in_json("a\""), "a\\\"");
        assert_eq!(in_xml("a&b<\"\n"), "a&amp;b&lt;&quot;&#10;");
    }
}
