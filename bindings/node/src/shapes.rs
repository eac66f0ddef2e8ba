//! The core's table of typed objects, so that JavaScript needs none of its own.

use ikcrm::contract::{Kind, SHAPES, Shape};
use napi_derive::napi;

/// A kind of object in an answer.
#[napi(object)]
pub struct ShapeData {
    /// The kind's name.
    pub name: String,
    /// Its typed attributes.
    pub attributes: Vec<AttributeData>,
}

/// A typed attribute.
#[napi(object, use_nullable = true)]
pub struct AttributeData {
    /// Its key in the answer.
    pub name: String,
    /// The kind of object that it holds, or holds a list of.
    pub shape: Option<String>,
}

/// Every kind of object with its typed attributes.
#[napi]
#[must_use]
pub fn shapes() -> Vec<ShapeData> {
    SHAPES.iter().map(|shape| shape_data(shape)).collect()
}

fn shape_data(shape: &Shape) -> ShapeData {
    let attributes = shape.fields.iter().map(|(name, kind)| AttributeData {
        name: (*name).to_owned(),
        shape: nested(*kind).map(|shape| shape.name.to_owned()),
    });
    ShapeData { name: shape.name.to_owned(), attributes: attributes.collect() }
}

fn nested(kind: Kind) -> Option<&'static Shape> {
    match kind {
        Kind::Record(shape) | Kind::Records(shape) => Some(shape),
        _ => None,
    }
}
