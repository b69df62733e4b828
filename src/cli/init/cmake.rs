//! CMakeLists.txt, as far as CLion asks: what the project is called. Variables that the file itself sets are followed, which is what
//! CubeMX's need; what takes more than that is left to the user.

use std::path::Path;

use super::survey::Survey;

/// The name in `project(NAME ...)` of the project's CMakeLists.txt.
pub fn project_name(survey: &Survey) -> Option<String> {
    named_by(&survey.text(Path::new("CMakeLists.txt"))?)
}

fn named_by(text: &str) -> Option<String> {
    let name = first_argument(text, "project")?;
    let Some(variable) = name
        .strip_prefix("${")
        .and_then(|name| name.strip_suffix('}'))
    else {
        return Some(name.to_owned());
    };
    let value = text.split("set(").skip(1).find_map(|call| {
        let mut words = call.split([' ', ')', '\n']);
        (words.next()? == variable).then(|| words.next()).flatten()
    })?;
    (!value.contains('$')).then(|| value.trim_matches('"').to_owned())
}

/// The first word in the parentheses of a command at the beginning of a line.
fn first_argument<'a>(text: &'a str, command: &str) -> Option<&'a str> {
    let calls = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix(command));
    let mut arguments = calls.filter_map(|call| call.trim_start().strip_prefix('('));
    let word = arguments.next()?.trim_start();
    let end = word.find([' ', ')']).unwrap_or(word.len());
    let word = word.get(..end)?.trim_matches('"');
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_called_by_a_word_or_a_variable() {
        for (text, expected) in [
            ("# x\nproject(blinky C ASM)\n", Some("blinky")),
            ("project (\"two\")", Some("two")),
            (
                "set(CMAKE_PROJECT_NAME p_Appli)\nproject(${CMAKE_PROJECT_NAME})\n",
                Some("p_Appli"),
            ),
            ("project(${ELSEWHERE})\n", None),
            ("set(A ${B})\nproject(${A})", None),
            ("add_executable(x)", None),
            ("project(", None),
        ] {
            assert_eq!(named_by(text).as_deref(), expected, "{text}");
        }
    }
}
