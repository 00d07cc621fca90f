import type { GraphProto, ModelProto, NodeProto, TensorProto } from 'onnx-buf';

function* within(nodes: readonly NodeProto[]): Generator<NodeProto> {
  for (const node of nodes) {
    yield node;
    for (const { g, graphs } of node.attribute) {
      for (const inner of g === undefined ? graphs : [g, ...graphs]) yield* within(inner.node);
    }
  }
}

/** Every node of a model, those of inner graphs (If, Loop) and of functions included. */
export function* nodesOf({ graph, functions }: ModelProto): Generator<NodeProto> {
  yield* within(graph?.node ?? []);
  for (const { node } of functions) yield* within(node);
}

function* initializersOf({ initializer, sparseInitializer }: GraphProto): Generator<TensorProto> {
  yield* initializer;
  for (const { values, indices } of sparseInitializer) {
    if (values !== undefined) yield values;
    if (indices !== undefined) yield indices;
  }
}

/** Every stored tensor of a model: initializers, and the constants that are attributes of nodes. */
export function* tensorsOf(model: ModelProto): Generator<TensorProto> {
  if (model.graph !== undefined) yield* initializersOf(model.graph);
  for (const { attribute } of nodesOf(model)) {
    for (const { t, tensors, g, graphs } of attribute) {
      if (t !== undefined) yield t;
      yield* tensors;
      for (const inner of g === undefined ? graphs : [g, ...graphs]) yield* initializersOf(inner);
    }
  }
}
