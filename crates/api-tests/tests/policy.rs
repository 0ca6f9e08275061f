//! SPEC 11: who gets what, which keys, with which labels, and when it is taken away.

mod at_rest; // 8, 11: with all of it in use, nothing more is written in the end
mod bad_input; // 11: ill-formed objects are left alone, and the log says what to write in their place
mod by_accident; // 11.1, 11.2: a source of many replicas is deleted by mistake
mod keys; // 11.5, 11.8: which keys are copied, and under which names
mod labels; // 11.6: labels and annotations that are copied to replicas
mod namespaces; // 11.3, 11.4: namespaces by their labels, and the annotations of Namespaces
mod pause; // 11.7: nothing is written because of, to, or in what is paused
mod removal; // 11.1, 11.2: when replicas are taken away, and how many at once
