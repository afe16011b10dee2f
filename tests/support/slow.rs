//! A component that takes long to compile and is small.

/// Each function has so many loops within each other, of which each carries all variables on. Of 100 it takes about a second, of 200 more than a minute.
pub(crate) fn to_compile(functions: usize, loops: usize) -> Vec<u8> {
    let variables = 1_000;
    let mut body = format!("(func {}", "(local i64)".repeat(variables));
    body.push_str(&"loop ".repeat(loops));
    for number in 0..variables {
        body.push_str(&format!(
            "local.get {number} i64.const {number} i64.add local.set {number} "
        ));
    }
    body.push_str(&"local.get 0 i32.wrap_i64 br_if 0 end ".repeat(loops));
    body.push(')');
    let text = format!("(component (core module {}))", body.repeat(functions));
    wat::parse_str(text).expect("WebAssembly")
}
