//! htpasswd files.

use countersign_passwords::htpasswd::Htpasswd;

/// Every complaint names a line that is there; nobody appears from nowhere.
pub(crate) fn htpasswd(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines = text.lines().count();
    match Htpasswd::parse(text) {
        Ok(accounts) => assert!(accounts.len() <= lines, "more accounts than lines"),
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            for problem in problems {
                assert!((1..=lines.max(1)).contains(&problem.line), "line {} of {lines}", problem.line);
            }
        }
    }
}
