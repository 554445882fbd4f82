//! Criteria Scripts, which policies call by name, and User Claim Scripts, which add claims.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Directory,
    caller::Caller,
    entity::{Faults, LINE_PATTERN, NAME_PATTERN, TEXT_PATTERN},
    error::{Failure, Result},
    kind::ObjectKind,
    list::{self, Listing, Table},
    objects::{self, Draft, View},
    store::objects::{Object, ScriptError},
    time::Timestamp,
    version::{Expected, Versioned},
};

/// The longest script, in characters.
const LONGEST: usize = 65_536;

/// A script.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Script {
    /// Identifies the object.
    pub id: Uuid,
    /// The name of the script. A criteria script is called by it if it is a name that JavaScript knows.
    #[schemars(example = &"admins")]
    pub name: String,
    /// Whatever should be remembered about it.
    pub notes: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// Words by which objects are grouped.
    pub tags: Vec<String>,
    /// The body of a JavaScript function of `claims`. That of a criteria script returns a boolean, that of a user claim
    /// script an object, whose keys become claims.
    #[schemars(example = &"return claims.user.tags.indexOf(\"admin\") >= 0;")]
    pub expression: String,
    /// What went wrong when it last ran; absent if nothing did since it was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script_error: Option<ScriptError>,
}

/// A script that policies call.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct CriteriaScript(pub Script);

/// A script that adds claims.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct UserScript(pub Script);

/// A script as a client sends it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct ScriptInput {
    /// Chosen by the server if it is left out. On PUT it must be the one in the path.
    #[schemars(extend("format" = "uuid"))]
    pub id: Option<String>,
    /// The name of the script. It is taken if another one has it in any spelling that differs only in case.
    #[schemars(required, length(min = 1, max = 255), regex(pattern = NAME_PATTERN), example = &"admins")]
    pub name: Option<String>,
    /// Whatever should be remembered about it.
    #[schemars(length(max = 4096), regex(pattern = TEXT_PATTERN))]
    pub notes: Option<String>,
    /// Words by which objects are grouped.
    #[schemars(length(max = 200), extend("items" = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": LINE_PATTERN}))]
    pub tags: Option<Vec<String>>,
    /// The body of a JavaScript function of `claims`.
    #[schemars(required, length(min = 1, max = 65536), example = &"return claims.user.tags.indexOf(\"admin\") >= 0;")]
    pub expression: Option<String>,
}

impl From<Object> for Script {
    fn from(object: Object) -> Self {
        let Object { id, name, notes, created, updated, tags, body, fault, .. } = object;
        let expression = body.get("expression").and_then(|text| text.as_str()).unwrap_or_default().to_owned();
        Self { id, name, notes, created, updated, tags, expression, script_error: fault }
    }
}

impl View for CriteriaScript {
    const KIND: ObjectKind = ObjectKind::CriteriaScript;
    const TABLE: &'static Table = &objects::table(ObjectKind::CriteriaScript);

    fn from_object(object: Object) -> Result<Self, Failure> {
        Ok(Self(object.into()))
    }
}

impl View for UserScript {
    const KIND: ObjectKind = ObjectKind::UserScript;
    const TABLE: &'static Table = &objects::table(ObjectKind::UserScript);

    fn from_object(object: Object) -> Result<Self, Failure> {
        Ok(Self(object.into()))
    }
}

/// Notes what is wrong with the text of a script. It is kept byte for byte.
pub(crate) async fn check_expression(
    directory: &Directory,
    expression: Option<String>,
    faults: &mut Faults,
) -> Result<String> {
    let Some(expression) = expression else {
        faults.missing("expression");
        return Ok(String::new());
    };
    if let Some(wrong) = text_fault(&expression) {
        faults.add("expression", wrong);
    } else if let Some(fault) = directory.scripts.check(expression.clone()).await? {
        faults.add("expression", fault.to_string());
    }
    Ok(expression)
}

/// What is wrong with the text of a script, whatever it says.
pub(crate) fn text_fault(expression: &str) -> Option<String> {
    if expression.is_empty() {
        Some("may not be empty".into())
    } else if expression.chars().count() > LONGEST {
        Some(format!("may have at most {LONGEST} characters"))
    } else if expression.contains('\0') {
        Some("may not contain the control character U+0000".into())
    } else {
        None
    }
}

impl ScriptInput {
    async fn check(self, directory: &Directory, own: Option<Uuid>) -> Result<Draft> {
        let mut faults = Faults::default();
        let mut draft = Draft::new(own, self.id, self.name, self.notes, self.tags, &mut faults);
        let expression = check_expression(directory, self.expression, &mut faults).await?;
        faults.check()?;
        draft.body.insert("expression".into(), json!(expression));
        Ok(draft)
    }
}

/// A kind of script, with all that can be done to one.
#[expect(private_bounds, reason = "the two that there are stand above")]
pub trait Kind: View {}
impl Kind for CriteriaScript {}
impl Kind for UserScript {}

/// Scripts of a kind that match.
pub async fn list<K: Kind>(directory: &Directory, caller: &Caller, request: list::Request) -> Result<Listing<K>> {
    objects::list(directory, caller, request).await
}

/// One script.
pub async fn get<K: Kind>(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Versioned<K>> {
    objects::get(directory, caller, id).await
}

/// Makes a script. Its maker must hold all that is given by what it can change.
pub async fn create<K: Kind>(directory: &Directory, caller: &Caller, input: ScriptInput) -> Result<Versioned<K>> {
    let draft = input.check(directory, None).await?;
    objects::create(directory, caller, draft).await
}

/// Replaces a script. `expected` is the version that it must still have.
pub async fn replace<K: Kind>(
    directory: &Directory,
    caller: &Caller,
    id: Uuid,
    expected: Expected,
    input: ScriptInput,
) -> Result<Versioned<K>> {
    objects::for_edit::<K>(directory, caller, id).await?;
    let draft = input.check(directory, Some(id)).await?;
    objects::replace(directory, caller, id, expected, draft).await
}

/// Deletes a script, which drops out of the providers that run it.
pub async fn delete<K: Kind>(directory: &Directory, caller: &Caller, id: Uuid, expected: Expected) -> Result<()> {
    objects::delete::<K>(directory, caller, id, expected).await
}
