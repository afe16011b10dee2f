//! `settings`: the plugin's own settings.

use crate::bindings::imports::chora::bootstrap::settings::Host;
use crate::call::CallState;

impl Host for CallState {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        self.count_host_call()?;
        Ok(self.settings.get(&key).map(ToString::to_string))
    }
}
