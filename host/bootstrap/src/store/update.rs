//! Updating: another component in the place of an added one, with what is different between the two, and with grants that are given anew.

use chora_model::failure::{Code, Failure};
use chora_model::grant::Grant;
use chora_model::plugin_lock::LockedPlugin;
use chora_plugin_host::PluginKind;

use super::change::entry;
use super::fetch::Doing;
use super::{Component, Store};
use crate::cancel::Cancel;
use crate::plugins;
use crate::wishes::uncovered;

/// A component that is to take the place of an added one.
pub struct Update {
    /// The component.
    pub component: Component,
    /// What the record says of the plugin now.
    pub before: LockedPlugin,
    /// What is different.
    pub difference: Difference,
}

/// What is different between an added component and another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Whether these are other bytes at all.
    pub bytes: bool,
    /// The versions, where they differ.
    pub version: Option<(String, String)>,
    /// By whom they are signed, where that differs; nobody where it is not known or not asked.
    pub signer: Option<(Option<String>, Option<String>)>,
    /// Where they come from, where that differs.
    pub source: Option<(String, String)>,
    /// Interfaces that only the new one imports.
    pub new_imports: Vec<String>,
    /// Interfaces that only the old one imports.
    pub dropped_imports: Vec<String>,
    /// Why the old one cannot be looked into; its imports are then not known.
    pub unknown_imports: Option<String>,
    /// Grants that the new one asks for and that the plugin does not have.
    pub new_grants: Vec<String>,
    /// Grants that the plugin has and that the new one does not ask for any more.
    pub dropped_grants: Vec<String>,
}

impl Store {
    /// Looks at the component that is to take the place of an added one: the one at `source`, or at where the added one came from. Its signature is at `signature`, or beside it, or, where it
    /// is fetched from where the added one came from, at where the signature of that came from.
    ///
    /// # Errors
    /// As for [`Self::examine`], and `CONFIG_ERROR` when there is no such plugin or when the new one is of another kind.
    pub async fn newer(
        &self,
        name: &str,
        source: Option<&str>,
        signature: Option<&str>,
        hear: &(dyn Fn(Doing) + Sync),
    ) -> Result<Update, Failure> {
        let record = self.record()?;
        let before = record
            .plugin(name)
            .cloned()
            .ok_or_else(|| self.unknown(name, &record))?;
        self.can_be_signed(signature)?;
        let recorded = before.signature.as_ref();
        let recorded = recorded.and_then(|signature| signature.source.as_deref());
        let recorded = recorded.filter(|_| source.is_none() && !self.config.plugin_keys.is_empty());
        let source = source.unwrap_or(&before.source);
        let component = self.examine(source, signature.or(recorded), hear).await?;
        if component.plugin.kind.world() != before.world {
            let was = PluginKind::of_world(&before.world);
            return Err(Failure::new(
                Code::ConfigError,
                format!(
                    "plugin `{name}` is {}, and the component of `{source}` is {}",
                    was.map_or("of an unknown kind", PluginKind::one),
                    component.plugin.kind.one()
                ),
            )
            .next(format!(
                "add it as a plugin of its own: `chora plugin add {source}`"
            )));
        }
        let difference = self.difference(&before, &component).await?;
        Ok(Update {
            component,
            before,
            difference,
        })
    }

    async fn difference(
        &self,
        before: &LockedPlugin,
        component: &Component,
    ) -> Result<Difference, Failure> {
        let other = |old: &str, new: &str| (old != new).then(|| (old.to_owned(), new.to_owned()));
        let plugin = &component.plugin;
        let bytes = plugin.digest != before.sha256;
        let mut difference = Difference {
            bytes,
            version: other(&before.version, &plugin.metadata.version),
            source: other(&before.source, &component.source),
            ..Difference::default()
        };
        if bytes {
            match self.added(before).await? {
                Ok((old, _)) => {
                    let missing_in = |those: &[String], these: &[String]| -> Vec<String> {
                        let missing = these.iter().filter(|name| !those.contains(name));
                        missing.cloned().collect()
                    };
                    difference.new_imports = missing_in(&old.imports, &plugin.imports);
                    difference.dropped_imports = missing_in(&plugin.imports, &old.imports);
                }
                Err(error) => difference.unknown_imports = Some(error.to_string()),
            }
        }
        let was = before.signature.as_ref().map(|it| (&it.by, &it.key_id));
        let is = component.signature.as_ref().map(|it| &it.signer);
        if bytes || is.is_some() {
            let is_by = is.map(|signer| (&signer.name, &signer.key_id));
            let named = |(by, id): (&String, &String)| format!("{by} (key id {id})");
            difference.signer = (was != is_by).then(|| (was.map(named), is_by.map(named)));
        }
        let has = plugins::grants_of(&self.config, before);
        let wishes: Vec<Grant> = component
            .wishes
            .iter()
            .map(|wish| wish.grant.clone())
            .collect();
        let texts =
            |grants: &[Grant]| -> Vec<String> { grants.iter().map(ToString::to_string).collect() };
        let owned = |left: Vec<&str>| left.into_iter().map(str::to_owned).collect();
        let wanted = texts(&wishes);
        let given = texts(&before.grants);
        difference.new_grants = owned(uncovered(&self.config, &has, &wanted));
        difference.dropped_grants = owned(uncovered(&self.config, &wishes, &given));
        Ok(difference)
    }

    /// Puts the component in the place of the added one. With other bytes it gets these grants and no others; with the same it keeps what it has, and only its copy is put back, and its signer recorded. Answers whether anything was written.
    ///
    /// # Errors
    /// `LOCKED` while another command is at work, `CONFIG_ERROR` when the plugin was changed or removed meanwhile, `IO_ERROR` when something cannot be written; the project is then as it was.
    pub async fn update(
        &self,
        update: &Update,
        grants: Vec<Grant>,
        say: &(dyn Fn(String) + Sync),
        cancel: &Cancel,
    ) -> Result<bool, Failure> {
        let _guard = self.guard("chora plugin update", say, cancel).await?;
        let mut record = self.record()?;
        let before = &update.before;
        if record.plugin(&before.name) != Some(before) {
            return Err(Failure::new(
                Code::ConfigError,
                format!(
                    "plugin `{}` was changed by another command meanwhile",
                    before.name
                ),
            )
            .next("run the command again"));
        }
        let mut entry = entry(
            &update.component,
            &before.name,
            grants,
            before.placement.clone(),
        );
        if !update.difference.bytes {
            entry.grants.clone_from(&before.grants);
            // Where no key is listed, nobody looked whether it is signed.
            entry.signature = entry.signature.or_else(|| before.signature.clone());
            if update.difference.source.is_none() && entry.signature == before.signature {
                return self.keep(&update.component);
            }
        }
        self.write(&mut record, entry, &update.component)?;
        Ok(true)
    }
}
