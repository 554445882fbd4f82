//! How tags look to a client, what a client sends, and where a tag is.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::retagging::{Carrier, names, roles_naming};
use crate::{
    configuration::{Rows, privileges_of},
    entity::{Faults, LINE_PATTERN, TEXT_PATTERN},
    error::Result,
    kind::ObjectKind,
    privileges::Target,
    store::{
        self, Tx,
        tags::{COLORS, TagRow, color_of},
    },
    time::Timestamp,
    version::Versioned,
};

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// Identifies the tag.
    pub id: Uuid,
    /// The tag itself, in the spelling in which objects carry it.
    #[schemars(example = &"developer")]
    pub name: String,
    /// Whatever should be remembered about it.
    pub notes: String,
    /// When it was made, or first carried.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// The colour to show it in, by number.
    #[schemars(range(min = 1, max = 20))]
    pub color_code: i64,
    /// The colour to show it in, by name.
    #[schemars(example = &"Green")]
    pub color_name: &'static str,
    /// How many objects carry it.
    #[schemars(range(min = 0))]
    pub tagged_occurrences: i64,
    /// How many privileges of roles name it, in their scope or among the tags that they give to what is created.
    #[schemars(range(min = 0))]
    pub linked_occurrences: i64,
}

/// A tag, with where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TagDetails {
    /// The tag.
    #[serde(flatten)]
    pub tag: Tag,
    /// How many objects carry it, by what they are. What does not carry it is left out.
    #[schemars(with = "BTreeMap<String, u64>", example = serde_json::json!({"LocalUser": 3}))]
    pub tagged_occurrences_by_entity_type: BTreeMap<Target, i64>,
    /// How many privileges name it, by whose they are. What does not name it is left out.
    #[schemars(with = "BTreeMap<String, u64>", example = serde_json::json!({"AdministrativeRole": 1}))]
    pub linked_occurrences_by_entity_type: BTreeMap<Target, i64>,
}

/// A tag as a client sends it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TagInput {
    /// Chosen by the server if it is left out. On PUT it must be the one in the path.
    #[schemars(extend("format" = "uuid"))]
    pub id: Option<String>,
    /// The tag itself. Another name on PUT is given to the tag wherever it is. Upper and lower case make two tags.
    #[schemars(required, length(min = 1, max = 128), regex(pattern = LINE_PATTERN), example = &"developer")]
    pub name: Option<String>,
    /// Whatever should be remembered about it.
    #[schemars(length(max = 4096), regex(pattern = TEXT_PATTERN))]
    pub notes: Option<String>,
    /// The colour to show it in, by number; made from the name if it is left out.
    #[schemars(with = "Option<i64>", range(min = 1, max = 20))]
    pub color_code: Option<Number>,
}

/// The colours, from number 1.
pub const COLOR_NAMES: [&str; 20] = [
    "Red",
    "Orange",
    "Yellow",
    "Lime",
    "Green",
    "Mint",
    "Turquoise",
    "Cyan",
    "Sky",
    "Blue",
    "Navy",
    "Violet",
    "Purple",
    "Magenta",
    "Pink",
    "Brown",
    "Beige",
    "Silver",
    "Gray",
    "Black",
];

/// A tag as a client wants it.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) id: Option<Uuid>,
    pub(super) name: String,
    pub(super) notes: String,
    pub(super) color_code: i64,
}

impl TagInput {
    pub(super) fn check(self, own: Option<Uuid>) -> Result<Draft> {
        let mut faults = Faults::default();
        let id = match own {
            Some(own) => {
                faults.same_id(self.id, own);
                Some(own)
            }
            None => faults.id("id", self.id),
        };
        let (name, notes) = (faults.tag("name", self.name), faults.notes(self.notes));
        let color_code = faults.integer("colorCode", self.color_code, 1..=COLORS);
        faults.check()?;
        let color_code = color_code.unwrap_or_else(|| color_of(&name));
        Ok(Draft { id, name, notes, color_code })
    }
}

/// Where a tag is.
pub(super) struct Uses {
    tagged: BTreeMap<Target, i64>,
    linked: i64,
}

pub(super) async fn uses(tx: &mut Tx, tag: &str) -> Result<Uses> {
    let counted = store::tags::carriers_by_kind(tx, tag).await?;
    let target = |kind: &str| Carrier::all().find(|carrier| carrier.tag_kind() == kind).map(Carrier::target);
    let tagged = counted.into_iter().filter_map(|(kind, count)| Some((target(&kind)?, count))).collect();
    let mut linked = 0;
    for role in roles_naming(tx, tag).await? {
        linked += privileges_of(&role)?.iter().map(|privilege| i64::from(names(privilege, tag))).sum::<i64>();
    }
    Ok(Uses { tagged, linked })
}

pub(super) fn tag(row: TagRow, tagged_occurrences: i64, linked_occurrences: i64) -> Tag {
    let TagRow { id, name, notes, color_code, created, updated, .. } = row;
    let color_name = usize::try_from(color_code - 1).ok().and_then(|index| COLOR_NAMES.get(index)).copied();
    let color_name = color_name.unwrap_or_default();
    Tag { id, name, notes, created, updated, color_code, color_name, tagged_occurrences, linked_occurrences }
}

/// The version is made of the counts too: an answer with other counts is another answer.
pub(super) fn details(row: TagRow, uses: Uses) -> Versioned<TagDetails> {
    let mut digest = Sha256::new();
    digest.update(row.version.to_be_bytes());
    for (target, count) in &uses.tagged {
        digest.update(format!("{target} {count} "));
    }
    digest.update(uses.linked.to_be_bytes());
    let digest: [u8; 32] = digest.finalize().into();
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    let object = TagDetails {
        tag: tag(row, uses.tagged.values().sum(), uses.linked),
        tagged_occurrences_by_entity_type: uses.tagged,
        linked_occurrences_by_entity_type: Some(uses.linked)
            .filter(|count| *count > 0)
            .map(|count| (Target::AdministrativeRole, count))
            .into_iter()
            .collect(),
    };
    Versioned { version: i64::from_be_bytes(bytes) & i64::MAX, object }
}

/// How many privileges name each tag.
pub(super) fn all_links(rows: &Rows) -> Result<HashMap<String, i64>> {
    let mut counts = HashMap::new();
    for role in rows.objects.iter().filter(|object| object.kind == ObjectKind::Role) {
        for privilege in privileges_of(role)? {
            let scope = privilege.scope.iter().flat_map(|scope| &scope.tags);
            let mut named: Vec<&String> = scope.chain(privilege.default_tags.iter().flatten()).collect();
            named.sort_unstable();
            named.dedup();
            for tag in named {
                *counts.entry(tag.clone()).or_insert(0) += 1;
            }
        }
    }
    Ok(counts)
}
