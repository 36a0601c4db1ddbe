//! Plots as pixels.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use resvg::usvg::{self, fontdb};
use resvg::{tiny_skia, usvg::Tree};

/// Pixels for one unit of the drawing: a column of a paper at 300 dots an inch.
const SCALE: f32 = 3.0;

/// Renders a plot. The font comes with this program, so that a plot looks the same everywhere.
pub(super) fn render(svg: &str) -> anyhow::Result<Vec<u8>> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    let family = fonts.faces().next().and_then(|face| face.families.first()).map(|(name, _)| name.clone());
    let family = family.context("the font of plots cannot be read")?;
    fonts.set_sans_serif_family(&family);
    let options = usvg::Options { font_family: family, fontdb: Arc::new(fonts), ..usvg::Options::default() };
    let tree = Tree::from_str(svg, &options).context("a plot cannot be read")?;
    let size = tree.size().to_int_size().scale_by(SCALE).ok_or_else(|| anyhow!("a plot has no size"))?;
    let mut pixels = tiny_skia::Pixmap::new(size.width(), size.height()).context("a plot is too large")?;
    pixels.fill(tiny_skia::Color::WHITE);
    resvg::render(&tree, tiny_skia::Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| anyhow!("a plot cannot be encoded: {error}"))
}
