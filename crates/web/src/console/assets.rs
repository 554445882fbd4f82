//! What pages load: a style sheet, two scripts and a picture, part of the program. Their addresses change with what is in them, so
//! that browsers keep them for good.

use std::{io::Write, sync::LazyLock};

use axum::{
    extract::Path,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};

use super::problem::Problem;
use crate::answer::digest_tag;

/// Something that pages load.
struct Asset {
    /// With a digest of what is in it.
    name: String,
    form: &'static str,
    plain: &'static [u8],
    packed: Vec<u8>,
}

impl Asset {
    fn new(name: &str, ending: &str, form: &'static str, plain: &'static str) -> Self {
        let digest = digest_tag(plain.as_bytes());
        let digest: String = digest.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
        let plain = plain.as_bytes();
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail; if it did, the plain form would be sent.
        let packed = packer.write_all(plain).and_then(|()| packer.finish()).unwrap_or_default();
        Self { name: format!("{name}.{digest}.{ending}"), form, plain, packed }
    }
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("console", "css", "text/css; charset=utf-8", include_str!("../../assets/console/console.css"))
});
static OWN: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("console", "js", SCRIPT, include_str!("../../assets/console/console.js")));
static HTMX: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("htmx", "js", SCRIPT, include_str!("../../assets/console/htmx.min.js")));

static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("../../assets/console/icon.svg")));

/// The name of the picture that stands for the console.
pub(crate) fn icon() -> &'static str {
    &ICON.name
}

/// The name of the style sheet.
pub(crate) fn style() -> &'static str {
    &STYLE.name
}

/// The name of the console's own script.
pub(crate) fn script() -> &'static str {
    &OWN.name
}

/// The name of htmx.
pub(crate) fn htmx() -> &'static str {
    &HTMX.name
}

/// `GET /ui/assets/{name}`.
pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let asset = [&*STYLE, &*OWN, &*HTMX, &*ICON].into_iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(Problem::no_page)?;
    let fixed = [
        (header::CONTENT_TYPE, asset.form),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::VARY, "accept-encoding"),
    ];
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = accepted.flat_map(|value| value.split(',')).map(str::trim);
    // Whoever says more about it than its name gets the plain form.
    if !asset.packed.is_empty() && codings.any(|coding| coding == "gzip") {
        return Ok((fixed, [(header::CONTENT_ENCODING, "gzip")], asset.packed.as_slice()).into_response());
    }
    Ok((fixed, asset.plain).into_response())
}
