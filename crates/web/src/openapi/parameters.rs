//! What the document says of distinguished names in paths and of lists that are not ordered by names.

use aide::{
    OperationInput,
    generate::GenContext,
    openapi::{Operation, Parameter, ParameterSchemaOrContent, PathStyle, ReferenceOr},
    transform::TransformOperation,
};
use portreeve_directory::dn::Named;
use schemars::json_schema;

use super::{Statuses, add_parameter, error, parameter_data, query_parameter, schema_object};
use crate::extract::DistinguishedName;

impl<T: Named> OperationInput for DistinguishedName<T> {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let says = "The object's distinguished name (RFC 4514), percent-encoded where a path needs it.";
        let parameter_data = parameter_data("dn", says, true, json_schema!({"type": "string", "pattern": T::PATTERN}));
        add_parameter(operation, Parameter::Path { parameter_data, style: PathStyle::Simple });
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Statuses {
        let malformed = "The path does not end with a distinguished name of such an object.";
        vec![error(ctx, 400, malformed), error(ctx, 404, "There is no such object.")]
    }
}

/// Fields by which every list can be ordered. Resources have more.
pub(super) const ORDERS: [&str; 5] = ["name", "id", "notes", "created", "updated"];

/// Says by which fields a list can be ordered whose objects have other fields than most.
pub(crate) fn listing<'t>(
    mut operation: TransformOperation<'t>,
    orders: &[&str],
    default: &str,
) -> TransformOperation<'t> {
    let parameters = &mut operation.inner_mut().parameters;
    parameters.retain_mut(|parameter| {
        let ReferenceOr::Item(Parameter::Query { parameter_data, .. }) = parameter else { return true };
        if parameter_data.name == "orderBy" {
            let schema = json_schema!({"type": "string", "default": default, "enum": orders});
            parameter_data.format = ParameterSchemaOrContent::Schema(schema_object(schema));
        }
        // Fields that only most objects have.
        !matches!(parameter_data.name.as_str(), "name" | "tags")
    });
    let filtered = orders.iter().find(|field| !field.ends_with("At") && **field != "at");
    if let Some(field) = filtered {
        let says = format!("Part of the field {field}. Other fields that are not times filter alike.");
        add_parameter(operation.inner_mut(), query_parameter(field, &says, json_schema!({"type": "string"})));
    }
    operation
}
