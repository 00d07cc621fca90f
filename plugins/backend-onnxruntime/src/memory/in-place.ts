/**
 * Operations that may write their result over an input that dies with them. ONNX Runtime does so where it knows that both
 * have one shape, and shapes are hidden from it (see `Emitter.reshape`): for these two alone they are declared, with a
 * symbol of their own as the first side, so that no other value is taken for one of the same shape.
 */
import { clone, create } from '@bufbuild/protobuf';
import { type NodeProto, NodeProtoSchema } from 'onnx-buf';
import { type Program, type ProgramTensor, producersOf } from './program.js';
import { timelineOf } from './timeline.js';

/** Smaller results are not worth a node. */
const WORTHWHILE = 2 ** 20;

/** The declared shape of a value: the first side is a symbol. */
export interface DeclaredShape extends ProgramTensor {
  readonly symbol: string;
}

export interface InPlaceProgram extends Program {
  readonly declared: ReadonlyMap<string, DeclaredShape>;
}

/** @param shapeOperand - gives the name of the operand of a reshape to a shape. */
export function writeInPlace(program: Program, shapeOperand: (shape: readonly number[]) => string): InPlaceProgram {
  const { overwritten } = timelineOf(program);
  const declared = new Map<string, DeclaredShape>();
  const renamed = new Map<string, string>();
  const tensors = new Map(program.tensors);
  const reshape = (from: string, to: string, like: ProgramTensor): NodeProto => {
    tensors.set(to, like);
    return create(NodeProtoSchema, {
      opType: 'Reshape',
      input: [from, shapeOperand(like.shape)],
      output: [to],
      name: to,
    });
  };
  // A reshape beside the node that it reads leaves the order of execution as it is.
  const producers = producersOf(program.nodes);
  const after = new Map<number, NodeProto[]>();
  const addAfter = (position: number, node: NodeProto) => after.set(position, [...(after.get(position) ?? []), node]);
  const rewritten = program.nodes.map((node, position) => {
    const changed = clone(NodeProtoSchema, node);
    changed.input = node.input.map((name) => renamed.get(name) ?? name);
    const [output] = node.output as [string];
    const target = overwritten.get(position);
    const tensor = program.tensors.get(output);
    if (target === undefined || tensor === undefined || tensor.bytes < WORTHWHILE || tensor.shape.length === 0)
      return changed;
    const [over, done] = [`${output}over`, `${output}done`];
    const shape = { ...tensor, symbol: `n${position}` };
    declared.set(over, shape);
    declared.set(output, shape);
    renamed.set(output, done);
    addAfter(producers.get(target)!, reshape(renamed.get(target) ?? target, over, tensor));
    addAfter(position, reshape(output, done, tensor));
    changed.input[node.input.indexOf(target)] = over;
    return changed;
  });
  const nodes = rewritten.flatMap((node, position) => [node, ...(after.get(position) ?? [])]);
  return { nodes, tensors, outputs: program.outputs, declared };
}
