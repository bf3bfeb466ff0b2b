//! Compresses what browsers keep, once and as well as can be, and names it after its content.

use std::{env, fmt::Write as _, fs, io::Write as _, path::Path};

use flate2::{Compression, write::GzEncoder};

/// The name in `assets.rs`, the file, its type, whether it is worth compressing.
const ASSETS: [(&str, &str, &str, bool); 5] = [
    ("STYLE", "console.css", "text/css; charset=utf-8", true),
    (
        "SCRIPT",
        "console.js",
        "text/javascript; charset=utf-8",
        true,
    ),
    ("HTMX", "htmx.js", "text/javascript; charset=utf-8", true),
    ("FONT", "figtree.woff2", "font/woff2", false),
    ("ICON", "icon.svg", "image/svg+xml", true),
];

#[expect(
    clippy::disallowed_methods,
    reason = "where a build script writes is said by cargo, and by nobody else"
)]
fn main() {
    println!("cargo::rerun-if-changed=assets");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=templates");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    let font = name("figtree.woff2", &read("figtree.woff2"));
    let mut code = String::new();
    for (constant, file, kind, compress) in ASSETS {
        let mut content = read(file);
        if file == "console.css" {
            let style = String::from_utf8(content).expect("a style is text");
            content = style.replace("figtree.woff2", &font).into_bytes();
        }
        let name = name(file, &content);
        let plain = write(&out, file, &content);
        let (gzip, brotli) = if compress {
            let gzip = write(&out, &format!("{file}.gz"), &gzip(&content));
            let brotli = write(&out, &format!("{file}.br"), &brotli(&content));
            (format!("Some({gzip})"), format!("Some({brotli})"))
        } else {
            ("None".to_owned(), "None".to_owned())
        };
        writeln!(
            code,
            "pub const {constant}: Asset = Asset {{ path: \"/assets/{name}\", kind: \"{kind}\", plain: {plain}, gzip: {gzip}, brotli: {brotli} }};"
        )
        .expect("a string takes everything");
    }
    fs::write(Path::new(&out).join("assets.rs"), code).expect("OUT_DIR is writable");
}

fn read(file: &str) -> Vec<u8> {
    fs::read(Path::new("assets").join(file)).expect("the assets are beside this file")
}

/// `console.5f3a1b2c.css`.
fn name(file: &str, content: &[u8]) -> String {
    let (stem, extension) = file.split_once('.').expect("a file has an extension");
    format!("{stem}.{:08x}.{extension}", crc32fast::hash(content))
}

/// The expression that includes it.
fn write(out: &str, file: &str, content: &[u8]) -> String {
    fs::write(Path::new(out).join(file), content).expect("OUT_DIR is writable");
    format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}\"))")
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn brotli(content: &[u8]) -> Vec<u8> {
    let mut compressed = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut compressed, 4096, 11, 22);
    writer.write_all(content).expect("memory takes everything");
    drop(writer);
    compressed
}
