/** The package that the work of `dinomix teacher` is in. */
export const DINOV3 = '@dinomix/teacher-dinov3';
