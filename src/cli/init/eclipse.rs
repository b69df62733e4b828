//! Projects of STM32CubeIDE, which is an Eclipse CDT: `.project` names one and says which of Boot, Appli and ExtMemLoader it is, `.cproject` has
//! its board, chip and linker script. Launch configurations: [`super::launch`].

use std::path::{Path, PathBuf};

use roxmltree::{Document, ParsingOptions};

use super::survey::Survey;

/// Elements and attributes of a file that are read; ST's largest has some 700.
const NODES: u32 = 100_000;

/// What CubeMX makes a project for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The application behind the window.
    Appli,
    /// The boot stage in internal flash.
    Boot,
    /// The external loader.
    Loader,
}

/// A project of STM32CubeIDE, one of several in a user's project.
#[derive(Debug)]
pub struct EclipseProject {
    /// Its folder.
    pub folder: PathBuf,
    /// Its name, which its ELF file bears too.
    pub name: String,
    /// What it is for, if it says so.
    pub role: Option<Role>,
    /// The board that CubeMX was told, if it was one.
    pub board: Option<String>,
    /// `STM32H7S7L8HxH`.
    pub chip: Option<String>,
    /// Its linker script.
    pub script: Option<PathBuf>,
}

impl EclipseProject {
    /// Every one of them.
    pub fn all(survey: &Survey) -> Vec<Self> {
        let files = survey.named(".cproject");
        files.filter_map(|file| Self::read(survey, file)).collect()
    }

    fn read(survey: &Survey, cproject: &Path) -> Option<Self> {
        let folder = cproject.parent()?.to_owned();
        let description = survey.text(&folder.join(".project"))?;
        let settings = survey.text(cproject)?;
        let description = parse(&description)?;
        let settings = parse(&settings)?;
        let option = |class: &str| {
            let mut options = settings.descendants();
            let node = options.find(|node| {
                let own = node.attribute("superClass");
                own.is_some_and(|own| own.ends_with(class))
            })?;
            node.attribute("value").map(str::to_owned)
        };
        let script = option(".linker.option.script");
        let name = text_of(&description, "name")?;
        Some(Self {
            role: role(&description).or_else(|| role_of_name(&name)),
            name,
            board: option(".option.target_board"),
            chip: option(".option.target_mcu"),
            script: script.and_then(|script| placed(&folder, &script)),
            folder,
        })
    }

    /// Where STM32CubeIDE builds its ELF file, unless told otherwise.
    pub fn usual_elf(&self) -> PathBuf {
        self.folder.join("Debug").join(format!("{}.elf", self.name))
    }
}

/// A document, if the text is one. Entities of its own are refused: no project has any.
pub fn parse(text: &str) -> Option<Document<'_>> {
    let options = ParsingOptions {
        nodes_limit: NODES,
        ..ParsingOptions::default()
    };
    // Files of some versions begin with a byte order mark.
    Document::parse_with_options(text.trim_start_matches('\u{feff}'), options).ok()
}

fn text_of(document: &Document<'_>, name: &str) -> Option<String> {
    let mut nodes = document.descendants();
    let node = nodes.find(|node| node.has_tag_name(name))?;
    node.text().map(|text| text.trim().to_owned())
}

fn role(project: &Document<'_>) -> Option<Role> {
    let natures = project
        .descendants()
        .filter(|node| node.has_tag_name("nature"));
    natures.filter_map(|node| node.text()).find_map(|nature| {
        match nature.rsplit('.').next()?.strip_suffix("ProjectNature")? {
            "MCUAppli" => Some(Role::Appli),
            "MCUBoot" => Some(Role::Boot),
            "MCUExtMemLoader" => Some(Role::Loader),
            _ => None,
        }
    })
}

/// Projects for a secure boot have no such nature.
fn role_of_name(name: &str) -> Option<Role> {
    match name.rsplit('_').next()? {
        "Appli" => Some(Role::Appli),
        "Boot" => Some(Role::Boot),
        "ExtMemLoader" => Some(Role::Loader),
        _ => None,
    }
}

/// `${workspace_loc:/${ProjName}/X.ld}` and `../X.ld`, which is seen from the folder that is built in.
fn placed(folder: &Path, script: &str) -> Option<PathBuf> {
    let path = match script.rsplit_once("${ProjName}/") {
        Some((_, file)) => file.trim_end_matches('}'),
        None => script.strip_prefix("../")?,
    };
    Some(folder.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linker_script_is_named_in_two_ways() {
        let there = Some(PathBuf::from("Appli/X.ld"));
        let folder = Path::new("Appli");
        assert_eq!(placed(folder, "${workspace_loc:/${ProjName}/X.ld}"), there);
        assert_eq!(placed(folder, "../X.ld"), there);
        assert_eq!(placed(folder, "C:\\X.ld"), None);
    }

    #[test]
    fn a_project_says_what_it_is_for() {
        let project = |nature: &str| {
            format!(
                "<projectDescription><natures><nature>com.st.{nature}</nature></natures></projectDescription>"
            )
        };
        for (nature, expected) in [
            ("MCUAppliProjectNature", Some(Role::Appli)),
            ("MCUBootProjectNature", Some(Role::Boot)),
            ("MCUExtMemLoaderProjectNature", Some(Role::Loader)),
            ("MCUProjectNature", None),
        ] {
            let text = project(nature);
            assert_eq!(role(&parse(&text).expect("a document")), expected);
        }
    }
}
