// SPDX-License-Identifier: Apache-2.0
//
// wheel - a plugin in Rust, without crates and without the standard library. It asks by button where the
// wheel stops at its last number, through restarts and reloads. The structures below are those of
// troupe/abi.h, plugin.h and turn.h as of minor 5, cut behind what is used where a size says so; a
// status is a value, and a panic ends the process.
#![no_std]

use core::ffi::{c_char, c_void};
use core::fmt::Write;
use core::mem::size_of;
use core::ptr::null;

const OK: i32 = 0;
const ABI_MAJOR: u32 = 1;
const ABI_MINOR: u32 = 5;
const SLASH: u32 = 1 << 0;
const TOOL: u32 = 1 << 1;
const TYPE_INT: u32 = 1;

// ---- what crosses the boundary

#[repr(C)]
struct Array {
    ptr: *const c_void,
    count: u32,
    stride: u32,
}

#[repr(C)]
struct Turn {
    api: *const TurnTable,
}

type Unused = *const c_void;

#[repr(C)]
struct TurnTable {
    size: u32,
    abi_minor: u32,
    get_extension_to_now: [Unused; 8],
    random: extern "C" fn(*mut Turn) -> u64,
    sleep_alloc: [Unused; 2],
    reply: extern "C" fn(*mut Turn, *const c_char, u64) -> i32,
    write_to_error: [Unused; 11],
    ask: extern "C" fn(*mut Turn, *const c_char, u64, Array, u64, *mut i32) -> i32,
}

#[repr(C)]
struct Param {
    name: *const c_char,
    doc: *const c_char,
    choices: *const c_char,
    def_text: *const c_char,
    min: f64,
    max: f64,
    def: f64,
    kind: u32,
    optional: u32,
}

#[repr(C)]
struct Function {
    size: u32,
    flags: u32,
    name: *const c_char,
    doc: *const c_char,
    params: Array,
    call: extern "C" fn(*mut Turn, i64) -> i32,
    timeout_ms: u32,
    reserved: u32,
    menu: *const c_char,
}

#[repr(C)]
struct Plugin {
    size: u32,
    abi_minor: u32,
    id: *const c_char,
    version: *const c_char,
    doc: *const c_char,
    needs: *const c_char,
    capabilities: *const c_char,
    functions: Array,
    config: Array,
    migrations: Array,
    state_version: u32,
    state_oldest: u32,
    create_to_job: [Unused; 7],
}

#[repr(C)]
struct Note {
    name_size: u32,
    desc_size: u32,
    kind: u32,
    name: [u8; 8],
    abi_major: u32,
    abi_minor: u32,
    id: [u8; 64],
    version: [u8; 24],
}

/// Constant data that holds pointers into the image.
#[repr(transparent)]
struct Constant<T>(T);
unsafe impl<T> Sync for Constant<T> {}

const fn text(bytes: &'static [u8]) -> *const c_char {
    bytes.as_ptr() as *const c_char
}

const fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    let mut i = 0;
    while i < bytes.len() {
        out[i] = bytes[i];
        i += 1;
    }
    out
}

const EMPTY: Array = Array { ptr: null(), count: 0, stride: 0 };

// ---- what it does

/// A text of bounded length; what does not fit is left out.
struct Text {
    bytes: [u8; 120],
    len: usize,
}

impl Write for Text {
    fn write_str(&mut self, more: &str) -> core::fmt::Result {
        for byte in more.bytes() {
            if let Some(place) = self.bytes.get_mut(self.len) {
                *place = byte;
                self.len += 1;
            }
        }
        Ok(())
    }
}

extern "C" fn spin(turn: *mut Turn, numbers: i64) -> i32 {
    const QUESTION: &[u8] = b"The last number! Spin again?";
    let labels = [text(b"Again\0"), text(b"Enough\0")];
    let api = unsafe { &*(*turn).api };

    loop {
        let number = 1 + ((api.random)(turn) % numbers as u64) as i64;
        let mut choice = -1;

        if number == numbers && api.size as usize >= size_of::<TurnTable>() {
            let array = Array {
                ptr: labels.as_ptr() as *const c_void,
                count: 2,
                stride: size_of::<*const c_char>() as u32,
            };
            let status = (api.ask)(turn, text(QUESTION), QUESTION.len() as u64, array, 0, &mut choice);

            if status == OK && choice == 0 {
                continue;
            }
        }
        let mut answer = Text { bytes: [0; 120], len: 0 };
        let _ = write!(answer, "the wheel stops at {} of {}", number, numbers);
        return (api.reply)(turn, answer.bytes.as_ptr() as *const c_char, answer.len as u64);
    }
}

// ---- what it declares

static PARAMS: Constant<[Param; 1]> = Constant([Param {
    name: text(b"numbers\0"),
    doc: text(b"How many numbers the wheel has\0"),
    choices: null(),
    def_text: null(),
    min: 2.0,
    max: 100.0,
    def: 6.0,
    kind: TYPE_INT,
    optional: 0,
}]);

static SPIN: Constant<Function> = Constant(Function {
    size: size_of::<Function>() as u32,
    flags: SLASH | TOOL,
    name: text(b"spin\0"),
    doc: text(b"Spin the wheel\0"),
    params: Array {
        ptr: &PARAMS as *const _ as *const c_void,
        count: 1,
        stride: size_of::<Param>() as u32,
    },
    call: spin,
    timeout_ms: 0,
    reserved: 0,
    menu: null(),
});

static FUNCTIONS: Constant<[&Constant<Function>; 1]> = Constant([&SPIN]);

static PLUGIN: Constant<Plugin> = Constant(Plugin {
    size: size_of::<Plugin>() as u32,
    abi_minor: ABI_MINOR,
    id: text(b"org.example.wheel\0"),
    version: text(b"1.0.0\0"),
    doc: text(b"A wheel, in Rust\0"),
    needs: null(),
    capabilities: null(),
    functions: Array {
        ptr: &FUNCTIONS as *const _ as *const c_void,
        count: 1,
        stride: size_of::<*const Function>() as u32,
    },
    config: EMPTY,
    migrations: EMPTY,
    state_version: 0,
    state_oldest: 0,
    create_to_job: [null(); 7],
});

#[used]
#[link_section = ".note.troupe"]
static NOTE: Note = Note {
    name_size: 7,
    desc_size: size_of::<Note>() as u32 - 20,
    kind: 1,
    name: padded(b"TROUPE"),
    abi_major: ABI_MAJOR,
    abi_minor: ABI_MINOR,
    id: padded(b"org.example.wheel"),
    version: padded(b"1.0.0"),
};

#[no_mangle]
extern "C" fn troupe_plugin_v1() -> *const c_void {
    &PLUGIN as *const _ as *const c_void
}

#[link(name = "c")]
extern "C" {
    fn abort() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    unsafe { abort() }
}
