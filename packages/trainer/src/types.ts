import type {
  Backend,
  BackendSession,
  BuiltStudent,
  ForwardPass,
  GraphContext,
  Loss,
  LossBuildContext,
  LossContext,
  LossInput,
  LossTerm,
  LossValue,
  LossView,
  NamedTensors,
  Optimizer,
  OptimizerResult,
  OptimizerStep,
  Selection,
  Selector,
  SelectorInput,
  Student,
  StudentBuildContext,
  StudentModel,
  StudentOutput,
  StudentRequest,
  Teacher,
  TeacherContext,
  TeacherOpenContext,
  TeacherOutput,
  TeacherPart,
  TensorOps,
  Weighter,
  WeighterInput,
} from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';

/*
 * The contracts of core with TensorFlow.js tensors. Shapes are in the contracts. Plugins take these types and make their
 * tensors with the one copy of `@tensorflow/tfjs-core` that is a peer of all of them.
 */

/** Tensors by stable name. */
export type TensorMap = NamedTensors<Tensor>;
/** The operations that a backend may fuse. */
export type Ops = TensorOps<Tensor>;

/** The slot `student`. */
export type StudentSlot = Student<Tensor>;
/** What a student is built for. */
export type StudentContext = StudentBuildContext<Tensor>;
/** A built network. */
export type StudentNetwork = StudentModel<Tensor>;
/** One pass through a network. */
export type StudentPass = ForwardPass<Tensor>;
/** Logits and features. */
export type StudentResult = StudentOutput<Tensor>;
/** A network with its weights. */
export type WeightedStudent = Pick<StudentRequest<Tensor>, 'model' | 'weights'>;
/** A student in a run. */
export type RunningStudent = BuiltStudent<Tensor>;

/** The slot `teacher`. */
export type TeacherSlot = Teacher<Tensor>;
/** Handed to a teacher once. */
export type TeacherSetup = TeacherOpenContext<Tensor>;
/** Handed to a teacher in every step. */
export type TeacherStep = TeacherContext<Tensor>;
/** One part of the batch as a teacher sees it. */
export type TeacherInput = TeacherPart<Tensor>;
/** Answers by part of the batch. */
export type TeacherResult = TeacherOutput<Tensor>;

/** The slot `selector`. */
export type SelectorSlot = Selector<Tensor>;
/** What a selector gets for one student and one view. */
export type SelectorInputs = SelectorInput<Tensor>;
/** What a selector makes of a target. */
export type SelectorResult = Selection<Tensor>;

/** The slot `weighter`. */
export type WeighterSlot = Weighter<Tensor>;
/** What a weighter gets for one student. */
export type WeighterInputs = WeighterInput<Tensor>;

/** What every part in the graph of a step can use. */
export type GraphStep = GraphContext<Tensor>;

/** The slot `loss`. */
export type LossSlot = Loss<Tensor>;
/** What is known when a loss declares its parameters. */
export type LossSetup = LossBuildContext<Tensor>;
/** Views of one student. */
export type LossInputs = LossInput<Tensor>;
/** One view of one student. */
export type LossViewTensors = LossView<Tensor>;
/** What a loss can use besides its input. */
export type LossStep = LossContext<Tensor>;
/** Value of a loss. */
export type LossResult = LossValue<Tensor>;
/** A term on its way into the sum. */
export type LossTermTensors = LossTerm<Tensor>;

/** The slot `optimizer`. */
export type OptimizerSlot = Optimizer<Tensor>;
/** One update. */
export type OptimizerInput = OptimizerStep<Tensor>;
/** New values. */
export type OptimizerOutput = OptimizerResult<Tensor>;

/** The slot `backend`. */
export type BackendSlot = Backend<Tensor>;
/** A backend that is ready. */
export type RunningBackend = BackendSession<Tensor>;
