export const BACKEND_NAME = 'onnxruntime';
