//! Style sheet, icon and script: in the binary, under names that change with their content, so that browsers may keep them
//! for ever.

use std::sync::LazyLock;

use countersign_model::TokenHash;

/// One embedded file.
pub(crate) struct Asset {
    /// Its name below `/assets/`, a part of its hash included.
    pub(crate) name: String,
    /// Its media type.
    pub(crate) media_type: &'static str,
    /// Its bytes.
    pub(crate) bytes: &'static [u8],
}

/// Every embedded file.
pub(crate) struct Assets {
    pub(crate) stylesheet: Asset,
    pub(crate) icon: Asset,
    pub(crate) form_post_script: Asset,
}

/// The files, named once.
pub(crate) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    stylesheet: asset(
        "main",
        "css",
        "text/css; charset=utf-8",
        include_bytes!("../../../../ui/styles/main.css"),
    ),
    icon: asset("icon", "svg", "image/svg+xml", include_bytes!("../../../../ui/images/icon.svg")),
    form_post_script: asset(
        "form_post",
        "js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../../../ui/scripts/form_post.js"),
    ),
});

impl Assets {
    /// The file of this name.
    pub(crate) fn find(&self, name: &str) -> Option<&Asset> {
        [&self.stylesheet, &self.icon, &self.form_post_script].into_iter().find(|asset| asset.name == name)
    }
}

fn asset(stem: &str, extension: &str, media_type: &'static str, bytes: &'static [u8]) -> Asset {
    let hash: String = TokenHash::of(bytes).to_base64url().chars().take(12).collect();
    Asset { name: format!("{stem}-{hash}.{extension}"), media_type, bytes }
}
